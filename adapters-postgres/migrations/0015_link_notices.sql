-- Notices also tell of sign-in links that were used. Their `token` is the link's id (`lnk_…`), and
-- their `token_name` is empty; a server of an earlier release leaves them out.

-- Where the request that used the link came from; NULL if that is not known.
ALTER TABLE notices ADD COLUMN client_address text;
