//! One request a connection: read, judged, passed on or not, answered or not.

use std::io::Result;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Shared;
use super::act::{self, Act};
use super::http::{Answer, Request};

/// Bytes that a body claims to have and takes hours to send; few enough that it is read whole.
const ENDLESS: usize = 1_000_000;

/// Between two bytes of a body that dribbles.
const PAUSE: Duration = Duration::from_millis(20);

pub(super) async fn serve(listener: std::net::TcpListener, shared: Arc<Shared>) {
    listener.set_nonblocking(true).unwrap();
    let listener = TcpListener::from_std(listener).unwrap();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            shared.connections.send_modify(|count| *count += 1);
            // A client that goes away in the middle is no concern of the others.
            let _gone = connection(stream, &shared).await;
            shared.connections.send_modify(|count| *count -= 1);
        });
    }
}

async fn connection(mut stream: TcpStream, shared: &Shared) -> Result<()> {
    let Some(request) = Request::read(&mut stream).await? else { return Ok(()) };
    if let Some(answer) = (shared.own)(&request) {
        return stream.write_all(&answer.bytes_for(&request.method)).await;
    }
    let Some(act) = shared.judge(&request) else {
        let answer = shared.pass_on(&request).await?;
        return stream.write_all(&answer.bytes()).await;
    };
    befall(act, request, &mut stream, shared).await
}

async fn befall(act: Act, request: Request, stream: &mut TcpStream, shared: &Shared) -> Result<()> {
    let answer = match act {
        Act::Reset | Act::Silence => None,
        Act::Refuse(status, code) => {
            Some(Answer::new(status, [], act::error(code, request.method == "POST")))
        }
        Act::FailSecondEntry => Some(shared.without_second(request, false).await?),
        Act::RefuseSecondEntry => Some(shared.without_second(request, true).await?),
        _ => Some(shared.pass_on(&request).await?),
    };
    shared.befallen.send_modify(|count| *count += 1);
    match act {
        Act::Silence | Act::WithholdAnswer => return until_gone(stream).await,
        Act::ResetBody | Act::EndBody | Act::StallBody => half(stream, answer.as_ref()).await?,
        Act::DribbleBody => dribble(stream, answer.as_ref()).await?,
        Act::Reset | Act::LoseAnswer => {}
        _ => stream.write_all(&answer.map(|answer| answer.bytes()).unwrap_or_default()).await?,
    }
    match act {
        Act::Reset | Act::LoseAnswer | Act::ResetBody => stream.set_zero_linger(),
        Act::StallBody => until_gone(stream).await,
        _ => Ok(()),
    }
}

/// The head, and half of the body.
async fn half(stream: &mut TcpStream, answer: Option<&Answer>) -> Result<()> {
    let Some(answer) = answer else { return Ok(()) };
    let bytes = answer.bytes();
    stream.write_all(&bytes[..bytes.len() - answer.body.len().div_ceil(2)]).await
}

/// Sends a body byte by byte that never ends: however fast or slow this machine is, the client has
/// to give up.
async fn dribble(stream: &mut TcpStream, answer: Option<&Answer>) -> Result<()> {
    let Some(answer) = answer else { return Ok(()) };
    stream.set_nodelay(true)?;
    stream.write_all(&answer.head.bytes(answer.body.len() + ENDLESS)).await?;
    for byte in answer.body.iter().chain(std::iter::repeat(&0)) {
        stream.write_all(&[*byte]).await?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Until the client has had enough.
async fn until_gone(stream: &mut TcpStream) -> Result<()> {
    stream.read_to_end(&mut Vec::new()).await.map(|_| ())
}

impl Shared {
    async fn pass_on(&self, request: &Request) -> Result<Answer> {
        let conditional = request.has("if-match") || request.has("if-none-match");
        let _one_at_a_time = if conditional { Some(self.writing.lock().await) } else { None };
        let mut answer = request.ask(&self.upstream).await?;
        answer.later(self.state().ahead);
        Ok(answer)
    }

    async fn without_second(&self, mut request: Request, sender_fault: bool) -> Result<Answer> {
        let (body, id) = act::without_second(&request.text());
        request.body = body.into_bytes();
        let mut answer = self.pass_on(&request).await?;
        answer.body = act::with_failed(&String::from_utf8_lossy(&answer.body), &id, sender_fault)
            .into_bytes();
        Ok(answer)
    }
}
