//! Session descriptions (RFC 8866): what is offered, what is answered, what both come to (RFC 3264). Pure.
