//! Every fault of the proxy, on an echo server: that it strikes, and that it strikes nothing else.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use databases::Proxy;

/// How long silence must last to be called so.
const SILENCE: Duration = Duration::from_millis(200);

/// A server that sends back what it gets, and tells what that was.
fn echo() -> (SocketAddr, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, hears) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, heard) = (stream.unwrap(), heard.clone());
            thread::spawn(move || {
                let mut chunk = [0; 1024];
                while let Ok(length @ 1..) = stream.read(&mut chunk) {
                    let _ = heard.send(chunk[..length].to_vec());
                    if stream.write_all(&chunk[..length]).is_err() {
                        break;
                    }
                }
            });
        }
    });
    (address, hears)
}

/// What comes back for `request`: as many bytes, or those that came before the end; `None` for silence.
fn ask(stream: &mut TcpStream, request: &[u8]) -> Option<Vec<u8>> {
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let mut chunk = [0; 1024];
    while answer.len() < request.len() {
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => answer.extend(&chunk[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return None,
            Err(_) => break,
        }
    }
    Some(answer)
}

fn call(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).unwrap()
}

#[test]
fn without_a_fault_everything_passes() {
    let proxy = Proxy::to(echo().0);
    let (mut one, mut other) = (call(&proxy), call(&proxy));
    for n in 0..50_u8 {
        assert_eq!(ask(&mut one, &[n; 700]).unwrap(), [n; 700]);
        assert_eq!(ask(&mut other, b"other").unwrap(), b"other");
    }
    assert_eq!((proxy.connections(), proxy.cuts()), (2, 0));
    drop(one);
    let deadline = Instant::now() + Duration::from_secs(5);
    while proxy.connections() != 1 {
        assert!(Instant::now() < deadline, "an ended connection is forgotten");
        thread::yield_now();
    }
}

#[test]
fn a_delay_holds_up_both_ways() {
    let proxy = Proxy::to(echo().0);
    let mut stream = call(&proxy);
    assert!(ask(&mut stream, b"a").is_some());
    proxy.delay(Duration::from_millis(60));
    let began = Instant::now();
    assert_eq!(ask(&mut stream, b"late").unwrap(), b"late");
    assert!(began.elapsed() >= Duration::from_millis(120), "{:?}", began.elapsed());
    proxy.heal();
    let began = Instant::now();
    assert_eq!(ask(&mut stream, b"soon").unwrap(), b"soon");
    assert!(began.elapsed() < Duration::from_millis(120), "{:?}", began.elapsed());
}

#[test]
fn a_cut_ends_what_is_open_and_nothing_that_comes() {
    let proxy = Proxy::to(echo().0);
    let (mut one, mut other) = (call(&proxy), call(&proxy));
    assert!(ask(&mut one, b"a").is_some() && ask(&mut other, b"b").is_some());
    assert_eq!((proxy.cut(), proxy.cuts()), (2, 2));
    assert_eq!(ask(&mut one, b"gone").unwrap(), b"");
    assert_eq!(ask(&mut other, b"gone").unwrap(), b"");
    assert_eq!(ask(&mut call(&proxy), b"new").unwrap(), b"new");
}

#[test]
fn a_half_open_line_is_silent_and_stays_so_for_whoever_lost_bytes() {
    let (address, hears) = echo();
    let proxy = Proxy::to(address);
    let (mut stream, mut idle) = (call(&proxy), call(&proxy));
    assert!(ask(&mut stream, b"before").is_some() && ask(&mut idle, b"before").is_some());
    proxy.swallow();
    assert_eq!(ask(&mut stream, b"lost"), None);
    assert_eq!(ask(&mut call(&proxy), b"lost"), None, "a new connection is made, and silent too");
    proxy.heal();
    assert_eq!(ask(&mut stream, b"after"), None, "a stream with a hole in it would be another fault");
    assert_eq!(ask(&mut idle, b"after").unwrap(), b"after");
    let heard: Vec<u8> = hears.try_iter().flatten().collect();
    assert_eq!(heard, b"beforebeforeafter", "nothing of it reached the other side");
}

#[test]
fn a_refusing_line_cuts_and_refuses_until_it_is_healed() {
    let proxy = Proxy::to(echo().0);
    let mut stream = call(&proxy);
    assert!(ask(&mut stream, b"a").is_some());
    proxy.refuse();
    assert_eq!(ask(&mut stream, b"gone").unwrap(), b"");
    let refused = TcpStream::connect(proxy.address()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    proxy.heal();
    assert_eq!(ask(&mut call(&proxy), b"back").unwrap(), b"back");
}

#[test]
fn an_answer_is_cut_after_so_many_bytes() {
    for (bytes, expected) in [(0, &b""[..]), (3, b"ans")] {
        let (address, hears) = echo();
        let proxy = Proxy::to(address);
        let mut stream = call(&proxy);
        proxy.cut_after(bytes);
        assert_eq!(ask(&mut stream, b"answer").unwrap(), expected);
        assert_eq!(hears.recv().unwrap(), b"answer", "the request was taken");
        assert_eq!(proxy.cuts(), 1);
        assert_eq!(ask(&mut call(&proxy), b"again").unwrap(), b"again", "once");
    }
}

#[test]
fn exactly_the_answer_to_one_request_is_lost() {
    let (address, hears) = echo();
    let proxy = Proxy::to(address);
    let (mut stream, mut other) = (call(&proxy), call(&proxy));
    proxy.cut_answer_to("COMMIT");
    assert_eq!(ask(&mut stream, b"BEGIN").unwrap(), b"BEGIN");
    assert_eq!(ask(&mut stream, b"x COMMIT y").unwrap(), b"");
    assert_eq!(ask(&mut other, b"COMMIT").unwrap(), b"COMMIT", "once, and only there");
    let heard: Vec<u8> = hears.try_iter().flatten().collect();
    assert_eq!(heard, b"BEGINx COMMIT yCOMMIT", "the target took all of it");
    assert_eq!(proxy.cuts(), 1);
}

#[test]
fn a_dropped_proxy_is_closed() {
    let proxy = Proxy::to(echo().0);
    let address = proxy.address();
    let mut stream = call(&proxy);
    assert!(ask(&mut stream, b"a").is_some());
    drop(proxy);
    assert_eq!(ask(&mut stream, b"gone").unwrap(), b"");
    assert!(TcpStream::connect(address).is_err());
}
