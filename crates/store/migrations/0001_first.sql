-- The first schema. Words in braces are types that the engines name differently (dialect.rs):
-- {key} text compared octet by octet, {bytes} binary. Every number is BIGINT, time is microseconds since 1970.

CREATE TABLE site_row (
    realm   BIGINT NOT NULL,
    section {key} NOT NULL,
    key     {key} NOT NULL,
    version BIGINT NOT NULL,
    body    TEXT NOT NULL,
    changed BIGINT NOT NULL,
    PRIMARY KEY (realm, section, key)
);

CREATE TABLE feed_counter (
    realm  BIGINT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL
);

CREATE TABLE feed (
    realm   BIGINT NOT NULL,
    number  BIGINT NOT NULL,
    id      {key} NOT NULL,
    section {key} NOT NULL,
    key     {key},
    PRIMARY KEY (realm, number)
);

CREATE TABLE data_key (
    realm   BIGINT NOT NULL,
    epoch   BIGINT NOT NULL,
    wrapped {bytes} NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (realm, epoch)
);

CREATE TABLE counter (
    realm BIGINT NOT NULL,
    node  {key} NOT NULL,
    name  {key} NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (realm, node, name)
);

CREATE TABLE effect_applied (
    trace  {key} NOT NULL,
    number BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    PRIMARY KEY (trace, number)
);
CREATE INDEX effect_applied_at ON effect_applied (at);

CREATE TABLE device (
    realm        BIGINT NOT NULL,
    user_key     {key} NOT NULL,
    id           {key} NOT NULL,
    ruling       {key} NOT NULL,
    device_type  TEXT NOT NULL,
    agent        TEXT NOT NULL,
    first_seen   BIGINT NOT NULL,
    last_seen    BIGINT NOT NULL,
    last_command TEXT NOT NULL,
    last_reason  TEXT NOT NULL,
    last_allowed BIGINT NOT NULL,
    version      BIGINT NOT NULL,
    PRIMARY KEY (realm, user_key, id)
);
CREATE INDEX device_ruling ON device (realm, ruling, user_key, id);
CREATE INDEX device_allowed ON device (realm, last_allowed);

CREATE TABLE job (
    id          {key} NOT NULL PRIMARY KEY,
    realm       BIGINT NOT NULL,
    kind        {key} NOT NULL,
    key         {key} NOT NULL,
    body        TEXT NOT NULL,
    created     BIGINT NOT NULL,
    due         BIGINT NOT NULL,
    lease       {key} NOT NULL,
    lease_until BIGINT NOT NULL,
    tries       BIGINT NOT NULL,
    max_tries   BIGINT NOT NULL,
    last_error  TEXT NOT NULL,
    failed      BIGINT NOT NULL,
    again       BIGINT NOT NULL,
    UNIQUE (realm, kind, key)
);
CREATE INDEX job_due ON job (kind, failed, due);

CREATE TABLE audit (
    id     {key} NOT NULL PRIMARY KEY,
    realm  BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    who    {key} NOT NULL,
    what   {key} NOT NULL,
    before TEXT,
    after  TEXT
);

CREATE TABLE administrator (
    realm         BIGINT NOT NULL,
    name          {key} NOT NULL,
    password_hash TEXT NOT NULL,
    rights        TEXT NOT NULL,
    must_change   BIGINT NOT NULL,
    version       BIGINT NOT NULL,
    created       BIGINT NOT NULL,
    PRIMARY KEY (realm, name)
);

CREATE TABLE session (
    hash          {key} NOT NULL PRIMARY KEY,
    realm         BIGINT NOT NULL,
    administrator {key} NOT NULL,
    body          TEXT NOT NULL,
    created       BIGINT NOT NULL,
    seen          BIGINT NOT NULL,
    expires       BIGINT NOT NULL
);
CREATE INDEX session_owner ON session (realm, administrator);
CREATE INDEX session_expires ON session (expires);

CREATE TABLE token (
    id      {key} NOT NULL PRIMARY KEY,
    realm   BIGINT NOT NULL,
    hash    {key} NOT NULL UNIQUE,
    name    TEXT NOT NULL,
    owner   {key} NOT NULL,
    scopes  TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT
);

CREATE TABLE lock_out (
    realm    BIGINT NOT NULL,
    scope    {key} NOT NULL,
    key      {key} NOT NULL,
    failures BIGINT NOT NULL,
    until    BIGINT NOT NULL,
    changed  BIGINT NOT NULL,
    PRIMARY KEY (realm, scope, key)
);

CREATE TABLE one_shot (
    hash    {key} NOT NULL PRIMARY KEY,
    realm   BIGINT NOT NULL,
    purpose {key} NOT NULL,
    body    TEXT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX one_shot_expires ON one_shot (expires);

CREATE TABLE node (
    id        {key} NOT NULL PRIMARY KEY,
    realm     BIGINT NOT NULL,
    name      TEXT NOT NULL,
    version   TEXT NOT NULL,
    last_seen BIGINT NOT NULL
);
