-- A million devices that can be filtered and counted. A device's class is all by which lists are filtered, as one word:
-- gateway/managed/ruling/allowed/reason; device_class counts the devices of each class, in the transaction that changes them.
-- The columns that end in _key are what searches compare: folded, '' for nothing.

ALTER TABLE device ADD COLUMN gateway {key} NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN node {key} NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN client TEXT NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN state_command TEXT NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN state_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE device ADD COLUMN class {key} NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN address_key {key} NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN name_key {key} NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN phone_key {key} NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN imei_key {key} NOT NULL DEFAULT '';

UPDATE device SET class = gateway || '/' || CASE WHEN reported LIKE '{"managed":true%' THEN '1' ELSE '0' END || '/' || ruling || '/'
    || CAST(last_allowed AS TEXT) || '/' || last_reason;

CREATE TABLE device_class (
    realm  BIGINT NOT NULL,
    class  {key} NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (realm, class)
);
INSERT INTO device_class (realm, class, amount) SELECT realm, class, CAST(count(*) AS BIGINT) FROM device GROUP BY realm, class;

CREATE INDEX device_by_class ON device (realm, class, user_key, id);
CREATE INDEX device_by_time ON device (realm, class, last_seen, user_key, id);
CREATE INDEX device_by_id ON device (realm, id, user_key);
CREATE INDEX device_by_address ON device (realm, address_key, user_key, id) WHERE address_key <> '';
CREATE INDEX device_by_name ON device (realm, name_key, user_key, id) WHERE name_key <> '';
CREATE INDEX device_by_phone ON device (realm, phone_key, user_key, id) WHERE phone_key <> '';
CREATE INDEX device_by_imei ON device (realm, imei_key, user_key, id) WHERE imei_key <> '';
DROP INDEX device_allowed;
DROP INDEX device_ruling;

CREATE TABLE device_decision (
    realm    BIGINT NOT NULL,
    user_key {key} NOT NULL,
    id       {key} NOT NULL,
    at       BIGINT NOT NULL,
    allowed  BIGINT NOT NULL,
    reason   TEXT NOT NULL,
    command  TEXT NOT NULL,
    gateway  TEXT NOT NULL,
    node     TEXT NOT NULL,
    client   TEXT NOT NULL,
    agent    TEXT NOT NULL,
    PRIMARY KEY (realm, user_key, id, at)
);
CREATE INDEX device_decision_at ON device_decision (at);
