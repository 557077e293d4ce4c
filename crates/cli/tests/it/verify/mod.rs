//! `trailbell verify`: what is said about every kind of tampering, in folders and in S3.

mod output;
mod page;
mod s3;
mod statement;
mod tamperings;
mod world;
