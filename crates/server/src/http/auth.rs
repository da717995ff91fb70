//! The API's tokens.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::problem::{Kind, Problem};
use crate::config::Secrets;

/// Knows the tokens by their digests: comparing takes the same time whatever is sent, its length included.
#[derive(Clone)]
pub(super) struct Gate {
    tokens: Arc<[[u8; 32]]>,
    open: bool,
}

impl Gate {
    pub(super) fn new(tokens: &Secrets, open: bool) -> Self {
        Self { tokens: tokens.all().iter().map(|token| digest(token.expose_secret())).collect(), open }
    }

    fn admits(&self, token: &str) -> bool {
        let sent = digest(token);
        self.tokens.iter().fold(Choice::from(0), |any, token| any | token.ct_eq(&sent)).into()
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Lets a request through if it carries a token.
pub(super) async fn check(State(gate): State<Gate>, request: Request, next: Next) -> Result<Response, Problem> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token =
        header.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match token {
        _ if gate.open => {}
        Some((_, token)) if gate.admits(token.trim()) => {}
        Some(_) => return Err(Problem::new(Kind::Unauthorized, "the token is not one of this server's")),
        None => return Err(Problem::new(Kind::Unauthorized, "the request carries no bearer token")),
    }
    Ok(next.run(request).await)
}
