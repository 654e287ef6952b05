SELECT kind, name::text, statement, repair FROM (
    SELECT 'constraint' AS kind, conname AS name,
        format('ALTER TABLE %s ADD CONSTRAINT %I %s',
            conrelid::regclass, conname, pg_get_constraintdef(oid, true)) AS statement,
        coalesce(
            (SELECT format('ALTER TABLE %s ENABLE TRIGGER ALL', tgrelid::regclass)
             FROM pg_trigger WHERE tgconstraint = c.oid AND tgenabled NOT IN ('O', 'A') LIMIT 1),
            CASE WHEN NOT convalidated THEN
                format('ALTER TABLE %s VALIDATE CONSTRAINT %I', conrelid::regclass, conname) END
        ) AS repair,
        conrelid AS place
    FROM pg_constraint c WHERE contype IN ('p', 'u', 'f', 'c', 'x')
    UNION ALL
    SELECT 'index', relname, pg_get_indexdef(indexrelid, 0, true),
        CASE WHEN NOT (indisvalid AND indisready) THEN
            format('REINDEX INDEX CONCURRENTLY %s', indexrelid::regclass) END,
        indrelid
    FROM pg_index i JOIN pg_class ON pg_class.oid = indexrelid
    WHERE NOT EXISTS (
        SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x')
    )
    UNION ALL
    SELECT 'trigger', tgname, pg_get_triggerdef(oid, true),
        CASE WHEN tgenabled NOT IN ('O', 'A') THEN
            format('ALTER TABLE %s ENABLE TRIGGER %I', tgrelid::regclass, tgname) END,
        tgrelid
    FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT 'row level security', relname, '',
        format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', oid::regclass), oid
    FROM pg_class WHERE relrowsecurity
) AS objects
WHERE place = ANY (ARRAY(SELECT to_regclass(name)::oid FROM unnest($1::text[]) AS tables (name)))
ORDER BY kind, name COLLATE "C"
