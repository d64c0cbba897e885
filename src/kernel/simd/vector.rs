//! A register of lanes: what the products need of one, at each width.
#![expect(unsafe_code, reason = "vector instructions and raw loads and stores")]

use crate::kernel::math::{Elementary, Fused};

/// A register of [`LANES`](Self::LANES) scalars.
///
/// # Safety
/// Every method needs a machine with the register's instructions, and pointers good for the lanes read or
/// written: all of them, or those of the mask.
pub(crate) trait Vector: Copy {
    type Scalar: Copy;
    type Mask: Copy;
    /// Scalars in a register.
    const LANES: usize;
    /// A register tile is so many registers high and so many columns wide: enough sums in flight to hide the
    /// latency of a multiply-add, with a few registers left over.
    const HEIGHT: usize;
    const COLUMNS: usize;
    /// Whether masks have registers of their own.
    const MASKS: bool;

    /// The first `lanes` lanes.
    unsafe fn mask(lanes: usize) -> Self::Mask;
    unsafe fn splat(x: Self::Scalar) -> Self;
    unsafe fn load(p: *const Self::Scalar) -> Self;
    /// Lanes outside the mask are zero, and their memory is not touched.
    unsafe fn load_some(p: *const Self::Scalar, mask: Self::Mask) -> Self;
    unsafe fn store(self, p: *mut Self::Scalar);
    unsafe fn store_some(self, p: *mut Self::Scalar, mask: Self::Mask);
    unsafe fn add(self, y: Self) -> Self;
    unsafe fn mul(self, y: Self) -> Self;
    /// `self · y + z`, rounded once where the machine can.
    unsafe fn fma(self, y: Self, z: Self) -> Self;
    /// `x₀ y₀ x₁ y₁ …`: the first and the second half.
    unsafe fn zip(self, y: Self) -> (Self, Self);
    /// The sum of the lanes, in a fixed order.
    unsafe fn sum(self) -> Self::Scalar;
}

/// A scalar and the registers that hold it: of 512 bits, of 256, and of what the target always has.
pub(crate) trait Kernel: Elementary {
    #[cfg(target_arch = "x86_64")]
    type Avx512: Vector<Scalar = Self>;
    #[cfg(target_arch = "x86_64")]
    type Avx2: Vector<Scalar = Self>;
    type Portable: Vector<Scalar = Self>;
}

impl Kernel for f32 {
    #[cfg(target_arch = "x86_64")]
    type Avx512 = std::arch::x86_64::__m512;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = std::arch::x86_64::__m256;
    type Portable = Lanes<Self, 4>;
}

impl Kernel for f64 {
    #[cfg(target_arch = "x86_64")]
    type Avx512 = std::arch::x86_64::__m512d;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = std::arch::x86_64::__m256d;
    type Portable = Lanes<Self, 2>;
}

/// Asks for the line of `p`, which may stand anywhere, to be on its way to the cache.
#[inline(always)]
pub(in crate::kernel) fn prefetch<T>(p: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: every x86-64 has the instruction, and it never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(p.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = p;
}

/// Lanes for the compiler to map on whatever the target always has: SSE2, NEON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lanes<T, const N: usize>([T; N]);

impl<T: Elementary, const N: usize> Vector for Lanes<T, N> {
    type Scalar = T;
    type Mask = usize;
    const LANES: usize = N;
    const HEIGHT: usize = 3;
    const COLUMNS: usize = 4;
    const MASKS: bool = false;

    #[inline(always)]
    unsafe fn mask(lanes: usize) -> usize {
        lanes
    }
    #[inline(always)]
    unsafe fn splat(x: T) -> Self {
        Self([x; N])
    }
    #[inline(always)]
    unsafe fn load(p: *const T) -> Self {
        // SAFETY: the caller's.
        unsafe { p.cast::<Self>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn load_some(p: *const T, mask: usize) -> Self {
        // SAFETY: the caller's, lane by lane.
        unsafe {
            if mask == N {
                return Self::load(p);
            }
            Self(std::array::from_fn(|i| if i < mask { *p.add(i) } else { T::default() }))
        }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut T) {
        // SAFETY: the caller's.
        unsafe { p.cast::<Self>().write_unaligned(self) }
    }
    #[inline(always)]
    unsafe fn store_some(self, p: *mut T, mask: usize) {
        // SAFETY: the caller's, lane by lane.
        unsafe {
            if mask == N {
                return self.store(p);
            }
            for (i, x) in self.0.into_iter().enumerate() {
                if i < mask {
                    *p.add(i) = x;
                }
            }
        }
    }
    #[inline(always)]
    unsafe fn add(self, y: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + y.0[i]))
    }
    #[inline(always)]
    unsafe fn mul(self, y: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] * y.0[i]))
    }
    #[inline(always)]
    unsafe fn fma(self, y: Self, z: Self) -> Self {
        Self(std::array::from_fn(|i| Fused::PORTABLE.mul_add(self.0[i], y.0[i], z.0[i])))
    }
    #[inline(always)]
    unsafe fn zip(self, y: Self) -> (Self, Self) {
        let half = |h: usize| {
            std::array::from_fn(|i| {
                let j = h * N / 2 + i / 2;
                if i % 2 == 0 { self.0[j] } else { y.0[j] }
            })
        };
        (Self(half(0)), Self(half(1)))
    }
    #[inline(always)]
    unsafe fn sum(self) -> T {
        let mut x = self.0;
        let mut n = N;
        while n > 1 {
            n /= 2;
            for i in 0..n {
                x[i] = x[i] + x[i + n];
            }
        }
        x[0]
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::Vector;

    macro_rules! instructions {
        ($($name:ident($($argument:ident: $type:ty),*) -> $output:ty = $instruction:expr;)*) => {$(
            #[inline(always)]
            unsafe fn $name($($argument: $type),*) -> $output {
                // SAFETY: the caller's.
                unsafe { $instruction }
            }
        )*};
    }

    /// A register type by its intrinsics. `x`, `y`, `n`, `p`, `m`: names that the expressions share.
    macro_rules! vector {
        ($register:ty, $scalar:ty, $mask_type:ty, $lanes:literal lanes, $height:literal high, $columns:literal columns,
         $splat:ident, $load:ident, $store:ident, $add:ident, $mul:ident, $fma:ident,
         mask |$n:ident| $mask:expr, load |$p:ident, $m:ident| $load_some:expr, $store_some:ident,
         zip |$x:ident, $y:ident| $zip:expr, sum |$s:ident| $sum:expr) => {
            impl Vector for $register {
                type Scalar = $scalar;
                type Mask = $mask_type;
                const LANES: usize = $lanes;
                const HEIGHT: usize = $height;
                const COLUMNS: usize = $columns;
                const MASKS: bool = $columns == 8;

                instructions! {
                    mask($n: usize) -> $mask_type = $mask;
                    splat(x: $scalar) -> Self = $splat(x);
                    load(p: *const $scalar) -> Self = $load(p);
                    load_some($p: *const $scalar, $m: $mask_type) -> Self = $load_some;
                    store(self: Self, p: *mut $scalar) -> () = $store(p, self);
                    store_some(self: Self, p: *mut $scalar, mask: $mask_type) -> () = $store_some(p, mask, self);
                    add(self: Self, y: Self) -> Self = $add(self, y);
                    mul(self: Self, y: Self) -> Self = $mul(self, y);
                    fma(self: Self, y: Self, z: Self) -> Self = $fma(self, y, z);
                    zip(self: Self, $y: Self) -> (Self, Self) = { let $x = self; $zip };
                    sum(self: Self) -> $scalar = { let $s = self; $sum };
                }
            }
        };
    }

    vector!(
        __m512, f32, __mmask16, 16 lanes, 3 high, 8 columns,
        _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_add_ps, _mm512_mul_ps, _mm512_fmadd_ps,
        mask |n| _cvtu32_mask16(0xffff >> (16 - n)),
        load |p, m| _mm512_maskz_loadu_ps(m, p), _mm512_mask_storeu_ps,
        zip |x, y| {
            let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            let high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
            (_mm512_permutex2var_ps(x, low, y), _mm512_permutex2var_ps(x, high, y))
        },
        sum |x| _mm512_reduce_add_ps(x)
    );
    vector!(
        __m512d, f64, __mmask8, 8 lanes, 3 high, 8 columns,
        _mm512_set1_pd, _mm512_loadu_pd, _mm512_storeu_pd, _mm512_add_pd, _mm512_mul_pd, _mm512_fmadd_pd,
        mask |n| _cvtu32_mask8(0xff >> (8 - n)),
        load |p, m| _mm512_maskz_loadu_pd(m, p), _mm512_mask_storeu_pd,
        zip |x, y| {
            let low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
            let high = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
            (_mm512_permutex2var_pd(x, low, y), _mm512_permutex2var_pd(x, high, y))
        },
        sum |x| _mm512_reduce_add_pd(x)
    );
    vector!(
        __m256, f32, __m256i, 8 lanes, 2 high, 4 columns,
        _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_add_ps, _mm256_mul_ps, _mm256_fmadd_ps,
        mask |n| _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)),
        load |p, m| _mm256_maskload_ps(p, m), _mm256_maskstore_ps,
        zip |x, y| {
            let (even, odd) = (_mm256_unpacklo_ps(x, y), _mm256_unpackhi_ps(x, y));
            (_mm256_permute2f128_ps::<0x20>(even, odd), _mm256_permute2f128_ps::<0x31>(even, odd))
        },
        sum |x| {
            let x = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
            let x = _mm_add_ps(x, _mm_movehl_ps(x, x));
            _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)))
        }
    );
    vector!(
        __m256d, f64, __m256i, 4 lanes, 2 high, 4 columns,
        _mm256_set1_pd, _mm256_loadu_pd, _mm256_storeu_pd, _mm256_add_pd, _mm256_mul_pd, _mm256_fmadd_pd,
        mask |n| _mm256_cmpgt_epi64(_mm256_set1_epi64x(n as i64), _mm256_setr_epi64x(0, 1, 2, 3)),
        load |p, m| _mm256_maskload_pd(p, m), _mm256_maskstore_pd,
        zip |x, y| {
            let (even, odd) = (_mm256_unpacklo_pd(x, y), _mm256_unpackhi_pd(x, y));
            (_mm256_permute2f128_pd::<0x20>(even, odd), _mm256_permute2f128_pd::<0x31>(even, odd))
        },
        sum |x| {
            let x = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd::<1>(x));
            _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x)))
        }
    );
}
