//! Messages that are sent and then done with: connect, publish, leave. No connection is tried twice.

use std::future::Future;
use std::time::Duration;

use super::broker::Broker;
use super::dialogue::{self, Heard, Lost, NotSent, Receipt, Session, Wrong};
use super::message::Publish;
use super::topic;
use crate::kernel::error::{Error, Kind, Result};

/// Connects, publishes all, waits until all are acknowledged as their quality asks, and leaves.
///
/// # Errors
/// `Usage` for a topic that is none, `Unreachable` when the broker is away, `Refused` when it refuses us or a message,
/// `TimedOut` when it does not answer within its time.
pub async fn publish(broker: &Broker, session: &Session, all: Vec<Publish>) -> Result<()> {
    all.iter().try_for_each(topic::check_publish)?;
    let late = || {
        let said = format!("the broker {} did not answer within {}", broker.place(), seconds(broker.timeout));
        Error::new(Kind::TimedOut, said).hint("broker.NAME.timeout sets the patience")
    };
    let patience = broker.timeout;
    match tokio::time::timeout(patience, exchange(broker, session, all)).await {
        Ok(done) => done,
        Err(_) => Err(late()),
    }
}

async fn exchange(broker: &Broker, session: &Session, all: Vec<Publish>) -> Result<()> {
    let (voice, mut ear) = dialogue::open(broker, session)?;
    loop {
        match ear.hear().await {
            Ok(Heard::Up { .. }) => break,
            Ok(_) => {}
            Err(trouble) => return Err(trouble.error(broker)),
        }
    }
    let mut waiting = all.iter();
    let mut under_way: Vec<Receipt> = Vec::new();
    let mut next = waiting.next();
    loop {
        while let Some(publish) = next {
            match voice.publish(publish) {
                Ok(receipt) => {
                    under_way.push(receipt);
                    next = waiting.next();
                }
                Err(NotSent::Full) => break,
                Err(_) => {
                    return Err(Error::new(Kind::Failed, format!("a message to {} cannot be sent", publish.topic)));
                }
            }
        }
        let mut settled = std::pin::pin!(settle(std::mem::take(&mut under_way)));
        // The receipts come true only while the connection is attended to.
        loop {
            tokio::select! {
                biased;
                done = &mut settled => {
                    done.map_err(|lost| not_taken(broker, &lost))?;
                    break;
                }
                heard = ear.hear() => if let Err(trouble) = heard {
                    return Err(trouble.error(broker));
                }
            }
        }
        if next.is_none() {
            break;
        }
    }
    leave(voice, ear).await;
    Ok(())
}

async fn settle(all: Vec<Receipt>) -> std::result::Result<(), Lost> {
    for receipt in all {
        receipt.settled().await?;
    }
    Ok(())
}

fn not_taken(broker: &Broker, lost: &Lost) -> Error {
    match lost {
        Lost::Refused(why) => {
            Error::new(Kind::Refused, format!("the broker {} refuses the message: {why}", broker.place()))
                .hint("check what you may publish there")
        }
        Lost::Again => {
            Error::new(Kind::Unreachable, format!("the broker {} was lost before it had the message", broker.place()))
        }
    }
}

/// Says goodbye and waits until that is sent.
fn leave(voice: dialogue::Voice, mut ear: dialogue::Ear) -> impl Future<Output = ()> {
    voice.leave(Duration::from_secs(2));
    async move {
        loop {
            match ear.hear().await {
                Err(trouble) if trouble.wrong == Wrong::Done => return,
                // It went first, which is as good.
                Err(_) => return,
                Ok(_) => {}
            }
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f32())
}
