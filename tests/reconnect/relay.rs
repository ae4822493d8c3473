//! Relays between clients and the service that can be cut and mended: one for the sound of everybody,
//! one for the HTTP and the WebSocket of one client.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::watch;

const DATAGRAM_BYTES_MAX: usize = 2048;

/// Whose datagrams do not pass, either way. Clients are counted from 0.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Nobody,
    /// Everyone but the first so many.
    After(usize),
    /// Everyone but this one.
    AllBut(usize),
}

impl Cut {
    const fn spares(self, nth: usize) -> bool {
        match self {
            Self::Nobody => true,
            Self::After(spared) => nth < spared,
            Self::AllBut(spared) => nth == spared,
        }
    }
}

/// Passes on datagrams. A client is known by its address; one that connects anew has another.
pub struct SoundRelay {
    /// Where clients are told to send.
    pub address: SocketAddr,
    /// Where the service is to listen: the same port of another address of this machine.
    pub service: SocketAddr,
    cut: watch::Sender<Cut>,
    clients: watch::Receiver<usize>,
}

impl SoundRelay {
    pub async fn bind() -> Self {
        for _ in 0..100 {
            let front = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 3), 0)).await;
            let front = Arc::new(front.expect("a socket"));
            let address = front.local_addr().expect("an address");
            let service = SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()));
            if UdpSocket::bind(service).await.is_err() {
                continue;
            }
            let (cut, state) = watch::channel(Cut::Nobody);
            let (count, clients) = watch::channel(0);
            tokio::spawn(pass_on(front, service, state, count));
            return Self {
                address,
                service,
                cut,
                clients,
            };
        }
        panic!("no port is free at two addresses");
    }

    /// Cuts off all clients after the first so many, and whoever comes new.
    pub fn cut_after(&self, spared: usize) {
        self.cut.send_replace(Cut::After(spared));
    }

    /// Cuts off everyone but this client, and whoever comes new.
    pub fn cut_all_but(&self, spared: usize) {
        self.cut.send_replace(Cut::AllBut(spared));
    }

    pub fn mend(&self) {
        self.cut.send_replace(Cut::Nobody);
    }

    /// Addresses of clients so far.
    pub fn clients(&self) -> usize {
        *self.clients.borrow()
    }
}

async fn pass_on(
    front: Arc<UdpSocket>,
    service: SocketAddr,
    cut: watch::Receiver<Cut>,
    count: watch::Sender<usize>,
) {
    let mut doors: HashMap<SocketAddr, (usize, Arc<UdpSocket>)> = HashMap::new();
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    loop {
        let Ok((len, from)) = front.recv_from(&mut buffer).await else {
            continue;
        };
        let nth = doors.len();
        let (nth, door) = match doors.entry(from) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let door = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await;
                let door = Arc::new(door.expect("a socket"));
                door.connect(service).await.expect("an address");
                let (front, back) = (Arc::clone(&front), Arc::clone(&door));
                tokio::spawn(pass_back(front, back, from, nth, cut.clone()));
                count.send_replace(nth + 1);
                new.insert((nth, door))
            }
        };
        if cut.borrow().spares(*nth) {
            let _ = door.send(&buffer[..len]).await;
        }
    }
}

async fn pass_back(
    front: Arc<UdpSocket>,
    door: Arc<UdpSocket>,
    client: SocketAddr,
    nth: usize,
    cut: watch::Receiver<Cut>,
) {
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    loop {
        if let Ok(len) = door.recv(&mut buffer).await
            && cut.borrow().spares(nth)
        {
            let _ = front.send_to(&buffer[..len], client).await;
        }
    }
}

/// What a relay of connections does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    Open,
    /// Connections are broken, and new ones as soon as they come.
    Broken,
    /// Nothing passes and nobody is told; what was sent passes once it is mended.
    Silent,
}

/// Passes on the HTTP and the WebSocket of one client.
pub struct WireRelay {
    /// Where the client finds the service.
    pub url: String,
    wire: watch::Sender<Wire>,
}

impl WireRelay {
    pub async fn to(service: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a socket");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (wire, state) = watch::channel(Wire::Open);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, service, state.clone()));
            }
        });
        Self { url, wire }
    }

    pub fn break_off(&self) {
        self.wire.send_replace(Wire::Broken);
    }

    pub fn silence(&self) {
        self.wire.send_replace(Wire::Silent);
    }

    pub fn mend(&self) {
        self.wire.send_replace(Wire::Open);
    }
}

async fn carry(client: TcpStream, service: SocketAddr, mut state: watch::Receiver<Wire>) {
    let connect = async {
        let mut open = state.clone();
        open.wait_for(|wire| *wire == Wire::Open).await.ok()?;
        TcpStream::connect(service).await.ok()
    };
    let mut broken = state.clone();
    let broken_off = broken.wait_for(|wire| *wire == Wire::Broken);
    let carried = async {
        let Some(server) = connect.await else {
            return;
        };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        // When one side is done with the connection, so is the other.
        tokio::select! {
            () = one_way(from_client, to_server, state.clone()) => {}
            () = one_way(from_server, to_client, state.clone()) => {}
        }
    };
    tokio::select! {
        _ = broken_off => {}
        () = carried => {}
    }
    state.mark_unchanged();
}

async fn one_way(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<Wire>,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(len @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        if state.wait_for(|wire| *wire == Wire::Open).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..len]).await.is_err() {
            return;
        }
    }
}
