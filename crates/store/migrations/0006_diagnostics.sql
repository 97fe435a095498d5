-- Devices whose requests are kept one by one, and those requests. No row of `device` changes for it.

CREATE TABLE device_diagnosed (
    realm    BIGINT NOT NULL,
    user_key {key} NOT NULL,
    id       {key} NOT NULL,
    since    BIGINT NOT NULL,
    PRIMARY KEY (realm, user_key, id)
);

CREATE TABLE device_transaction (
    realm    BIGINT NOT NULL,
    user_key {key} NOT NULL,
    id       {key} NOT NULL,
    at       BIGINT NOT NULL,
    trace    {key} NOT NULL,
    node     TEXT NOT NULL,
    gateway  TEXT NOT NULL,
    client   TEXT NOT NULL,
    agent    TEXT NOT NULL,
    command  TEXT NOT NULL,
    version  TEXT NOT NULL,
    allowed  BIGINT NOT NULL,
    reason   TEXT NOT NULL,
    status   BIGINT NOT NULL,
    took     BIGINT NOT NULL,
    received BIGINT NOT NULL,
    sent     BIGINT NOT NULL,
    whole    BIGINT NOT NULL,
    PRIMARY KEY (realm, user_key, id, at, trace)
);
CREATE INDEX device_transaction_at ON device_transaction (at);
