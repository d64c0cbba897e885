//! A model behind HTTP: two threads answer, each with a predictor of its own that allocates nothing, and four clients ask.
//!
//! ```text
//! cargo run --release --manifest-path examples/service/Cargo.toml
//! ```

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use gradus::data::Standardizer;
use gradus::{Activation, Fitted, LogLoss, Network, Predictor, matrix};
use tiny_http::{Response, Server};

type Failure = Box<dyn Error + Send + Sync>;

const WORKERS: usize = 2;
const CLIENTS: usize = 4;
const REQUESTS: usize = 5000;

fn main() -> Result<(), Failure> {
    let server = Arc::new(Server::http("127.0.0.1:0")?);
    let address = server.server_addr().to_ip().ok_or("no address")?;
    let fitted = train()?;
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let (server, predictor) = (Arc::clone(&server), fitted.clone().into_predictor(1));
            thread::spawn(move || serve(&server, predictor))
        })
        .collect();

    let begun = Instant::now();
    let clients: Vec<_> = (0..CLIENTS).map(|_| thread::spawn(move || ask(address))).collect();
    let mut waits = Vec::new();
    for client in clients {
        waits.extend(client.join().map_err(|_| "a client panicked")??);
    }
    let seconds = begun.elapsed().as_secs_f64();
    (0..WORKERS).for_each(|_| server.unblock());
    for worker in workers {
        worker.join().map_err(|_| "a worker panicked")??;
    }

    waits.sort_unstable();
    let [median, late] = [50, 99].map(|percent| waits[(waits.len() - 1) * percent / 100]);
    println!("{CLIENTS} clients, {} requests: {:.0} a second", waits.len(), waits.len() as f64 / seconds);
    println!("half of them answered within {median:.1?}, 99 of 100 within {late:.1?}");
    Ok(())
}

/// Pass or fail, from hours of study and hours of sleep; raw hours are asked for.
fn train() -> Result<Fitted<f64, Network, LogLoss>, gradus::Error> {
    let x = matrix![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0;
                    8.0, 7.5, 4.0, 8.0, 5.0, 7.0, 4.5, 8.0];
    let standard = Standardizer::fit(&x)?;
    let network = Network::new(&[2, 16, 1], Activation::Tanh);
    let fitted = network.fit(LogLoss, &standard.transform(&x)?, &[0, 0, 0, 1, 0, 1, 1, 1], 1)?;
    Ok(fitted.with_scaling(standard))
}

/// Answers until the server is unblocked: a row of numbers in, a probability or the error's sentence out.
fn serve(server: &Server, mut predictor: Predictor<f64, Network, LogLoss>) -> Result<(), Failure> {
    let mut row = Vec::new();
    let mut yes = [0.0];
    while let Ok(mut request) = server.recv() {
        let mut body = String::new();
        request.as_reader().take(1000).read_to_string(&mut body)?;
        row.clear();
        row.extend(body.split(',').map_while(|number| number.trim().parse::<f64>().ok()));
        let (status, answer) = match predictor.predict_one(&row, &mut yes) {
            Ok(()) => (200, yes[0].to_string()),
            Err(error) => (400, error.to_string()),
        };
        request.respond(Response::from_string(answer).with_status_code(status))?;
    }
    Ok(())
}

/// Over one connection; how long each answer took.
fn ask(address: SocketAddr) -> Result<Vec<Duration>, Failure> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_nodelay(true)?;
    let mut answers = BufReader::new(connection.try_clone()?);
    let mut waits = Vec::with_capacity(REQUESTS);
    for i in 0..REQUESTS {
        let row = format!("{}.5, 7", i % 8);
        let begun = Instant::now();
        write!(connection, "POST / HTTP/1.1\r\nHost: gradus\r\nContent-Length: {}\r\n\r\n{row}", row.len())?;
        let answer = read(&mut answers)?;
        waits.push(begun.elapsed());
        let probability: f64 = answer.parse()?;
        if !(0.0..=1.0).contains(&probability) {
            return Err(format!("{probability} is no probability").into());
        }
    }
    Ok(waits)
}

/// The body of one answer.
fn read(answers: &mut impl BufRead) -> Result<String, Failure> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if answers.read_line(&mut line)? == 0 {
            return Err("the server hung up".into());
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    answers.read_exact(&mut body)?;
    Ok(String::from_utf8(body)?)
}
