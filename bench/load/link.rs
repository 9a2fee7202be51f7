//! One connection to the server: socket, TLS, frames. Bytes in, whole lines out; never blocks.

use crate::frames::{Inflater, Unframer};
use mio::net::TcpStream;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

/// Bytes read from a socket at a time.
const READ: usize = 64 * 1024;

/// Buffers for reading, shared by all connections.
pub struct Scratch {
    socket: Vec<u8>,
    plain: Vec<u8>,
    inflater: Inflater,
    /// The whole lines that the last [`Link::receive`] found.
    pub lines: Vec<u8>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { socket: vec![0; READ], plain: vec![0; READ], inflater: Inflater::default(), lines: Vec::new() }
    }
}

/// A connection.
pub struct Link {
    /// The socket, to be registered with the readiness wait.
    pub socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
    out: Vec<u8>,
    sent: usize,
    tail: Vec<u8>,
    frames: Option<Unframer>,
    /// Reads that returned something.
    pub reads: u64,
    /// Bytes read from the socket.
    pub bytes: u64,
    /// The peer has ended.
    pub ended: bool,
}

impl Link {
    /// Begins to connect.
    pub fn connect(address: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        let tls = match tls {
            None => None,
            Some(config) => {
                let mut tls = ClientConnection::new(Arc::clone(config), ServerName::IpAddress(address.ip().into()))
                    .map_err(io::Error::other)?;
                tls.set_buffer_limit(None);
                Some(Box::new(tls))
            }
        };
        Ok(Self {
            socket,
            tls,
            out: Vec::new(),
            sent: 0,
            tail: Vec::new(),
            frames: None,
            reads: 0,
            bytes: 0,
            ended: false,
        })
    }

    /// From now on the server may send deflate frames.
    pub fn expect_frames(&mut self) {
        self.frames = Some(Unframer::default());
    }

    /// Sends what still waits and these bytes, as far as the socket accepts them.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => tls.writer().write_all(bytes)?,
            None => self.out.extend_from_slice(bytes),
        }
        self.flush()
    }

    /// Sends what still waits.
    pub fn flush(&mut self) -> io::Result<()> {
        loop {
            let written = match &mut self.tls {
                Some(tls) if tls.wants_write() => tls.write_tls(&mut self.socket),
                None if self.sent < self.out.len() => self.socket.write(&self.out[self.sent..]),
                _ => return Ok(()),
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) if self.tls.is_none() => {
                    self.sent += count;
                    if self.sent == self.out.len() {
                        self.out.clear();
                        self.sent = 0;
                    }
                }
                Ok(_) => {}
                // Not connected yet: the socket says when it is.
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) => {
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads everything available and leaves its whole lines in `scratch.lines`. `to_end` says that
    /// the peer has ended its side, so that a short read does not mean that nothing is left.
    pub fn receive(&mut self, to_end: bool, scratch: &mut Scratch) -> io::Result<()> {
        scratch.lines.clear();
        scratch.lines.append(&mut self.tail);
        loop {
            match self.socket.read(&mut scratch.socket) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(count) => {
                    self.reads += 1;
                    self.bytes += count as u64;
                    self.take(count, scratch)?;
                    // A short read has emptied the socket: whatever arrives later is a new edge.
                    if count < READ && !to_end {
                        break;
                    }
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let whole = scratch.lines.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
        self.tail.extend_from_slice(&scratch.lines[whole..]);
        scratch.lines.truncate(whole);
        Ok(())
    }

    fn take(&mut self, count: usize, scratch: &mut Scratch) -> io::Result<()> {
        let Scratch { socket, plain, inflater, lines } = scratch;
        let Some(tls) = &mut self.tls else {
            return place(&mut self.frames, inflater, &socket[..count], lines);
        };
        let mut records = &socket[..count];
        while !records.is_empty() {
            tls.read_tls(&mut records)?;
            let state = tls.process_new_packets().map_err(io::Error::other)?;
            let mut left = state.plaintext_bytes_to_read();
            while left > 0 {
                let count = tls.reader().read(plain)?;
                place(&mut self.frames, inflater, &plain[..count], lines)?;
                left -= count;
            }
        }
        // The handshake answers, and so does a key update.
        if tls.wants_write() { self.flush() } else { Ok(()) }
    }
}

fn place(frames: &mut Option<Unframer>, inflater: &mut Inflater, bytes: &[u8], lines: &mut Vec<u8>) -> io::Result<()> {
    match frames {
        None => lines.extend_from_slice(bytes),
        Some(frames) => frames.take(bytes, inflater, lines).map_err(io::Error::other)?,
    }
    Ok(())
}

/// A configuration that trusts any certificate: what is measured is the server, on loopback.
pub fn tls_config() -> io::Result<Arc<ClientConfig>> {
    let provider = Arc::new(provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    // Each connection does the whole handshake, so that servers are compared by the same work.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

#[cfg(not(feature = "post-quantum"))]
fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

#[cfg(feature = "post-quantum")]
fn provider() -> CryptoProvider {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.kx_groups.sort_by_key(|group| group.name() != rustls::NamedGroup::X25519MLKEM768);
    provider
}

#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
