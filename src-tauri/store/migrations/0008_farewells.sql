-- What is owed to a phone if the service dies: the BYE that ends its call, while the call is up. It refers to
-- no call, which may be written later.
CREATE TABLE farewell (
    call_id TEXT PRIMARY KEY,
    trunk TEXT NOT NULL,
    bye TEXT NOT NULL
) STRICT;
