-- What the management of devices reports of one: JSON of the program's own, '' for nothing. A new column with a default is
-- nothing to programs of the version before.

ALTER TABLE device ADD COLUMN reported TEXT NOT NULL DEFAULT '';
CREATE INDEX device_reported ON device (realm, user_key, id) WHERE reported <> '';
