-- What is owed to a phone if the service dies: the BYE that ends its call, while the call is up. It refers to
-- no call, which may be written later.
CREATE TABLE farewell (
    call_id TEXT COLLATE "C" PRIMARY KEY,
    trunk TEXT COLLATE "C" NOT NULL,
    bye TEXT COLLATE "C" NOT NULL
);
