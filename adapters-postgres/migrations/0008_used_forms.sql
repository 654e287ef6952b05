-- Forms of the web interface that created something: each is good once.

CREATE TABLE used_forms (
    -- As the page put it into the form; its first 48 bits are when that was.
    id      uuid    NOT NULL PRIMARY KEY,
    -- The id of what it created; of a sign-in link, the user's.
    made    text    NOT NULL,
    used_at instant NOT NULL
);

-- What is older than a form can be is deleted.
CREATE INDEX used_forms_by_use ON used_forms (used_at);
