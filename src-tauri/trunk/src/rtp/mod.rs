//! RTP and RTCP as bytes: headers, reports, keys of a telephone, encryption. Pure: no sockets, no clock.
