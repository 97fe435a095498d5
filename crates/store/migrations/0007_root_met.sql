-- Which signed mails met a root or an intermediate: the newest few of each, for who decides about it.

CREATE TABLE root_met (
    realm  BIGINT NOT NULL,
    sha256 {key} NOT NULL,
    trace  {key} NOT NULL,
    sender TEXT NOT NULL,
    at     BIGINT NOT NULL,
    PRIMARY KEY (realm, sha256, trace)
);
