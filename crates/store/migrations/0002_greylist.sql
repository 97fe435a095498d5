-- Greylist: soft state that the nodes share late. A triplet is a digest of client network, sender and recipient.

CREATE TABLE greylist (
    realm   BIGINT NOT NULL,
    triplet {key} NOT NULL,
    first   BIGINT NOT NULL,
    passed  BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    PRIMARY KEY (realm, triplet)
);
CREATE INDEX greylist_changed ON greylist (realm, changed, triplet);
