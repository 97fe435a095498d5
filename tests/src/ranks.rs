//! Are two samples of times alike? Asked of ranks, which no single slow answer moves: a test of what is measured, never of how fast it is.

/// Under the hypothesis "alike" a distance beyond this is met once in a hundred thousand runs.
pub const ALIKE: f64 = 4.5;

/// Mann-Whitney: how far the ranks of two samples are from those of one, in standard deviations.
#[must_use]
pub fn distance(a: &[f64], b: &[f64]) -> f64 {
    let (n, m) = (a.len() as f64, b.len() as f64);
    let score = |x: &f64, y: &f64| match x.partial_cmp(y) {
        Some(std::cmp::Ordering::Greater) => 1.0,
        Some(std::cmp::Ordering::Equal) => 0.5,
        _ => 0.0,
    };
    let wins: f64 = a.iter().map(|x| b.iter().map(|y| score(x, y)).sum::<f64>()).sum();
    (wins - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

/// Each two of these are alike.
///
/// # Panics
/// When two are not; says which.
pub fn assert_alike(samples: &[(&str, Vec<f64>)]) {
    for (at, (name, times)) in samples.iter().enumerate() {
        for (other, beside) in samples.iter().skip(at + 1) {
            let distance = distance(times, beside);
            assert!(distance.abs() < ALIKE, "{name} and {other}: {distance}");
        }
    }
}
