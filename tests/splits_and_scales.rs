//! Data on their way to a model: parts and folds, row-major buffers, scales and their inverse, and a model that scales
//! its inputs itself.

#[path = "support/draw.rs"]
mod draw;

use draw::Draw;
use gradus::data::*;
use gradus::nalgebra::{DMatrix, DVector};
use gradus::*;

fn is_divided((first, second): &Parts, m: usize) -> bool {
    let mut all = [first.as_slice(), second].concat();
    all.sort_unstable();
    first.is_sorted() && second.is_sorted() && all.iter().copied().eq(0..m)
}

fn count(samples: &[usize], labels: &[usize], class: usize) -> usize {
    samples.iter().filter(|j| labels[**j] == class).count()
}

#[test]
fn parts_have_their_share_of_every_class() {
    let mut draw = Draw::new(61);
    for case in 0..2000 {
        let (m, denominator) = (2 + draw.below(200), 2 + draw.below(40));
        let numerator = 1 + draw.below(denominator - 1);
        let share = numerator as f64 / denominator as f64;
        let labels: Vec<usize> = (0..m).map(|_| draw.below(1 + case % 7) * 3).collect();
        let wanted = (m * numerator).div_ceil(denominator);
        let plain = split(m, share, case as u64);
        let stratified = stratified_split(&labels, share, case as u64);
        if wanted == m {
            assert!(matches!(plain, Err(Error::Setting { name: "share", .. })), "{case}");
            assert!(matches!(stratified, Err(Error::Setting { name: "share", .. })), "{case}");
            continue;
        }
        for parts in [plain.unwrap(), stratified.clone().unwrap()] {
            assert!(is_divided(&parts, m), "{case}");
            assert_eq!(parts.1.len(), wanted, "{case}: {m} {share}");
        }
        let (train, test) = stratified.unwrap();
        for class in 0..19 {
            let (seen, held_out) = (count(&train, &labels, class), count(&test, &labels, class));
            // |held out − its share| < 1, in whole numbers
            let due = (seen + held_out) * numerator;
            assert!((held_out * denominator).abs_diff(due) < denominator, "{case}: class {class}");
        }
    }
    let labels = [2, 0, 0, 0, 0, 0, 0, 1, 1, 1];
    let (_, test) = stratified_split(&labels, 0.33, 0).unwrap();
    assert_eq!([0, 1, 2].map(|class| count(&test, &labels, class)), [2, 1, 1], "due: 1.98, 0.99, 0.33");
}

#[test]
fn folds_are_of_one_size_and_hold_every_class() {
    let mut draw = Draw::new(62);
    for case in 0..500 {
        let m = 2 + draw.below(90);
        let k = 2 + draw.below(m - 1);
        let labels: Vec<usize> = (0..m).map(|_| draw.below(1 + case % 6)).collect();
        let plain: Vec<Parts> = folds(m, k, case as u64).unwrap().collect();
        let stratified: Vec<Parts> = stratified_folds(&labels, k, case as u64).unwrap().collect();
        for all in [&plain, &stratified] {
            assert!(all.len() == k && all.iter().all(|parts| is_divided(parts, m)), "{case}");
            let mut tested: Vec<usize> = all.iter().flat_map(|(_, test)| test.clone()).collect();
            tested.sort_unstable();
            assert!(tested.into_iter().eq(0..m), "{case}: each sample is judged once");
            assert!(all.iter().all(|(_, test)| (m / k..=m.div_ceil(k)).contains(&test.len())), "{case}");
        }
        for class in 0..6 {
            let of: Vec<usize> = stratified.iter().map(|(_, test)| count(test, &labels, class)).collect();
            assert!(of.iter().max().unwrap() - of.iter().min().unwrap() <= 1, "{case}: {of:?}");
        }
    }
    for (m, k) in [(5, 6), (5, 1), (5, 0), (0, 2), (0, 0), (1, 1), (3, usize::MAX)] {
        assert!(matches!(folds(m, k, 1), Err(Error::Setting { name: "folds", .. })), "{m} {k}");
        assert!(stratified_folds(&vec![0; m], k, 1).is_err());
    }
    for share in [0.0, 1.0, -0.5, 1.5, f64::NAN, f64::INFINITY, 1e-300, 0.999_999_999_999] {
        let parts = split(4, share, 1);
        match share {
            1e-300 => assert_eq!(parts.unwrap().1.len(), 1),
            _ => assert!(matches!(parts, Err(Error::Setting { .. })), "{share}: {parts:?}"),
        }
    }
    assert!(split(0, 0.5, 1).is_err() && split(1, 0.5, 1).is_err());
    assert!(matches!(split(usize::MAX, 0.5, 1), Err(Error::TooLarge { .. })));
    assert!(matches!(folds(usize::MAX, 2, 1).map(|_| ()), Err(Error::TooLarge { .. })));
    assert_eq!(folds(30, 3, 7).unwrap().collect::<Vec<_>>(), folds(30, 3, 7).unwrap().collect::<Vec<_>>());
    assert_ne!(split(30, 0.5, 7).unwrap(), split(30, 0.5, 8).unwrap());
}

/// Of 4000 seeds, each sample is held out by a quarter: 1000, six standard deviations are 165.
#[test]
fn every_sample_is_held_out_as_often_as_another() {
    let labels = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
    let mut often = [[0; 12]; 2];
    for seed in 0..4000 {
        let plain = split(12, 0.25, seed).unwrap().1;
        let stratified = stratified_split(&labels, 0.25, seed).unwrap().1;
        plain.iter().for_each(|j| often[0][*j] += 1);
        stratified.iter().for_each(|j| often[1][*j] += 1);
    }
    assert!(often.iter().flatten().all(|count: &i32| (count - 1000).abs() < 165), "{often:?}");
}

#[test]
fn samples_are_selected_from_whatever_holds_them() {
    let x = matrix![1.0, 2.0, 3.0; 4.0, 5.0, 6.0];
    let of = [2, 0, 2];
    assert_eq!(select(&x, &of).unwrap(), matrix![3.0, 1.0, 3.0; 6.0, 4.0, 6.0]);
    assert_eq!(select(&x.rows(1, 1), &of).unwrap(), matrix![6.0, 4.0, 6.0]);
    assert_eq!(select(&vector![1.0, 2.0, 3.0], &of).unwrap(), vector![3.0, 1.0, 3.0]);
    assert_eq!(select(&vec![1_usize, 2, 3], &of).unwrap(), [3, 1, 3]);
    assert_eq!(select(&["a", "b", "c"], &of).unwrap(), ["c", "a", "c"]);
    assert_eq!(select(&[1.0, 2.0][..], &[]).unwrap(), [0.0; 0]);
    assert!(matches!(select(&x, &[3]), Err(Error::Setting { name: "samples", found: 3.0, .. })));
    assert!(matches!(select(&[1, 2], &[0, usize::MAX]), Err(Error::Setting { .. })));
}

#[test]
fn a_row_major_buffer_is_a_table() {
    let rows = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
    let buffer = rows.as_flattened();
    let x = row_major(buffer, 3).unwrap();
    assert_eq!(x, columns(&rows).unwrap());
    assert_eq!(x.as_ptr(), buffer.as_ptr(), "without a copy");
    assert!(matches!(row_major(buffer, 4), Err(Error::Length { expected: 8, found: 6, .. })));
    assert!(matches!(row_major(buffer, 0), Err(Error::Empty { argument: "features", .. })));
    assert!(matches!(row_major::<f64>(&[], 3), Err(Error::Empty { argument: "buffer", .. })));
    assert!(matches!(row_major(buffer, usize::MAX), Err(Error::Length { .. })));
    let by_features = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0];
    assert_eq!(column_major(&by_features, 3).unwrap(), x);
    assert!(matches!(column_major(&by_features, 4), Err(Error::Length { expected: 8, found: 6, .. })));
    assert!(matches!(column_major(&by_features, 0), Err(Error::Empty { argument: "features", .. })));
    assert!(matches!(column_major::<f64>(&[], 3), Err(Error::Empty { argument: "buffer", .. })));
}

/// There and back, to the rounding of what is added, from anywhere in the range.
fn scales_and_their_inverse<T: Real>(reach: i32) {
    let mut draw = Draw::new(63);
    for case in 0..400 {
        let (n, m) = (1 + draw.below(4), 2 + draw.below(9));
        let centers: Vec<f64> = (0..n).map(|_| draw.wide(-reach, reach)).collect();
        let x = DMatrix::from_fn(n, m, |i, _| T::of(centers[i] * (1.0 + 0.3 * draw.unit())));
        let standard = Standardizer::fit(&x).unwrap();
        let z = standard.transform(&x).unwrap();
        let back = standard.inverse(&z).unwrap();
        for (i, (x, back)) in x.iter().zip(&back).enumerate() {
            let size = x.abs().max(standard.mean()[i % n].abs()).f64();
            assert!((x.f64() - back.f64()).abs() <= 4.0 * T::EPSILON.f64() * size, "{case}: {x} {back}");
        }
        let mut in_place = x.clone();
        standard.transform_in_place(&mut in_place).unwrap();
        assert_eq!(in_place, z, "{case}");
        if n > 1 {
            assert_eq!(
                standard.transform(x.column(0).as_slice()).unwrap(),
                z.columns(0, 1),
                "{case}: a slice"
            );
        }
    }
    let standard = Standardizer::fit(&DMatrix::from_row_slice(1, 2, &[T::of(0.0), T::of(1e-30)])).unwrap();
    let mut far = DMatrix::from_row_slice(1, 2, &[T::one(), T::MAX]);
    let before = far.clone();
    assert!(matches!(standard.transform_in_place(&mut far), Err(Error::Evaluation { .. })));
    assert_eq!(far, before, "all or nothing");
    // on the way to the answer an infinity, the answer a number
    let wide = DMatrix::from_row_slice(1, 2, &[T::MAX, -T::MAX]);
    let standard = Standardizer::fit(&wide).unwrap();
    let back = standard.inverse(&standard.transform(&wide).unwrap()).unwrap();
    assert!((back[0] / wide[0] - T::one()).abs() <= T::EPSILON, "{back}");
    let mut narrow = DMatrix::zeros(2, 1);
    assert!(matches!(standard.transform_in_place(&mut narrow), Err(Error::Shape { .. })));
    assert!(matches!(standard.inverse(&DMatrix::from_element(1, 1, T::NAN)), Err(Error::NonFinite { .. })));
}

#[test]
fn scales_have_an_inverse() {
    scales_and_their_inverse::<f64>(1000);
    scales_and_their_inverse::<f32>(120);
}

/// Whole numbers far from zero, against `m² var = m Σx² − (Σx)²` in whole numbers.
fn scales_of_shifted_features<T: Real>(digits: i32) {
    let mut draw = Draw::new(65);
    for case in 0..2000 {
        let (m, spread) = (2 + draw.below(40), 3 + draw.below(1000));
        let shift = (1_i64 << draw.below(digits as usize)).min((1 << digits) - 1100);
        let x: Vec<i64> =
            (0..m).map(|j| shift + if j < 2 { j * spread } else { draw.below(spread) } as i64).collect();
        let standard = Standardizer::fit(&DMatrix::from_fn(1, m, |_, j| T::of(x[j] as f64))).unwrap();
        let [sum, squares] =
            [1, 2].map(|power| x.iter().map(|x| i128::from(x - shift).pow(power)).sum::<i128>());
        let exact = ((m as i128 * squares - sum * sum) as f64).sqrt() / m as f64;
        let found = standard.scale()[0].f64();
        assert!((found - exact).abs() <= 16.0 * T::EPSILON.f64() * exact, "{case}: {found} {exact} {x:?}");
        let mean = shift as f64 + sum as f64 / m as f64;
        assert!((standard.mean()[0].f64() - mean).abs() <= T::EPSILON.f64() * mean, "{case}: {x:?}");
    }
}

#[test]
fn a_shift_changes_no_scale() {
    scales_of_shifted_features::<f64>(53);
    scales_of_shifted_features::<f32>(24);
    let standard = Standardizer::fit(&matrix![8388607.0f32, 8388608.0, 8388610.0]).unwrap();
    assert!((standard.scale()[0] - 1.247_219_1).abs() < 1e-6);
}

/// A model that scales its inputs answers raw ones as the model without answers scaled ones, to the last bit.
fn scaled_by_itself<T: Real>() {
    let mut draw = Draw::new(64);
    let x = DMatrix::from_fn(3, 300, |i, _| T::of(draw.unit() * 10f64.powi(3 * i as i32) + 50.0));
    let labels: Vec<usize> =
        (0..300).map(|j| usize::from(x[(0, j)] > T::of(50.0)) + usize::from(j % 7 == 0)).collect();
    let standard = Standardizer::fit(&x).unwrap();
    let z = standard.transform(&x).unwrap();
    let network = Network::new(&[3, 5, 3], Activation::Tanh);
    let theta: DVector<T> = network.initial(3);
    let plain = Fitted::from_parameters(network, CrossEntropy, theta).unwrap();
    let fitted = plain.clone().with_scaling(standard.clone());
    assert_eq!(fitted.scaling(), Some(&standard));
    assert_eq!(fitted.predict(&x).unwrap(), plain.predict(&z).unwrap());
    assert_eq!(fitted.scores(&x).unwrap(), plain.scores(&z).unwrap());
    assert_eq!(fitted.classify(&x).unwrap(), plain.classify(&z).unwrap());
    assert_eq!(fitted.score(&x, &labels).unwrap(), plain.score(&z, &labels).unwrap());
    let mut out = [DMatrix::zeros(3, 300), DMatrix::zeros(3, 300)];
    fitted.predictor(7).predict_into(&x, &mut out[0]).unwrap();
    plain.predictor(7).predict_into(&z, &mut out[1]).unwrap();
    assert_eq!(out[0], out[1]);
    let mut one = [[T::zero(); 3]; 2];
    fitted.clone().into_predictor(1).predict_one(x.column(8).as_slice(), &mut one[0]).unwrap();
    plain.clone().into_predictor(1).predict_one(z.column(8).as_slice(), &mut one[1]).unwrap();
    assert_eq!(one[0], one[1]);

    let far = [T::MAX, T::zero(), T::zero()];
    assert!(matches!(fitted.predict(&far), Err(Error::Evaluation { .. }) | Ok(_)));
    let other = plain.with_scaling(Standardizer::fit(x.rows(0, 2)).unwrap());
    let error = other.predict(&x).unwrap_err();
    assert!(matches!(error, Error::Length { argument: "scaling", expected: 3, found: 2 }), "{error}");
    assert!(other.predictor(1).predict_one(&[T::one(); 3], &mut one[0]).is_err());
    assert!(matches!(
        fitted.into_predictor(1).predict_one(&far[..2], &mut one[0]),
        Err(Error::Length { .. })
    ));
}

#[test]
fn a_model_scales_its_inputs_itself() {
    scaled_by_itself::<f64>();
    scaled_by_itself::<f32>();
}

#[test]
fn balanced_classes_weigh_the_same() {
    let mut draw = Draw::new(63);
    for _ in 0..500 {
        let (m, kinds) = (1 + draw.below(60), 1 + draw.below(5));
        let labels: Vec<usize> = (0..m).map(|_| draw.below(kinds) * (usize::MAX / 5)).collect();
        let weights: Vec<f64> = balanced_weights(&labels).unwrap();
        let mut classes = labels.clone();
        classes.sort_unstable();
        classes.dedup();
        for class in &classes {
            let of = labels.iter().zip(&weights).filter(|(label, _)| *label == class);
            let total: f64 = of.map(|(_, w)| w).sum();
            assert!((total - m as f64 / classes.len() as f64).abs() < 1e-12 * m as f64);
        }
    }
    assert_eq!(balanced_weights::<f32>(&[4, 4, 4, 9]).unwrap(), [2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0, 2.0]);
    assert!(matches!(balanced_weights::<f64>(&[]), Err(Error::Empty { argument: "labels", .. })));
}
