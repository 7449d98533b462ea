//! Which part of an image is edited.

/// How far each cell of a grid over an image belongs to what is edited, from 0 to 255. The grid need not be as fine as the
/// image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    width: u32,
    height: u32,
    coverage: Vec<u8>,
}

impl Mask {
    /// Wraps coverage, rows from the top.
    ///
    /// # Panics
    /// If a side is zero or there is not one value for each cell.
    pub fn new(width: u32, height: u32, coverage: Vec<u8>) -> Self {
        assert!(width > 0 && height > 0, "a mask of {width}x{height} has no cells");
        assert_eq!(coverage.len(), width as usize * height as usize, "values and cells of {width}x{height}");
        Mask { width, height, coverage }
    }

    /// Width in cells, at least 1.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in cells, at least 1.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The values, `width * height` of them.
    pub fn coverage(&self) -> &[u8] {
        &self.coverage
    }

    /// Columns and rows of the smallest rectangle that holds all coverage: left, top, right and bottom, the latter two
    /// exclusive. Nothing if there is no coverage.
    pub fn bounds(&self) -> Option<[u32; 4]> {
        let mut bounds: Option<[u32; 4]> = None;
        for (y, row) in (0..).zip(self.coverage.chunks_exact(self.width as usize)) {
            let (first, last) = (row.iter().position(|&c| c > 0), row.iter().rposition(|&c| c > 0));
            if let (Some(first), Some(last)) = (first, last) {
                let (first, end) = (first as u32, last as u32 + 1);
                let [left, top, right, _] = bounds.unwrap_or([first, y, end, y]);
                bounds = Some([left.min(first), top, right.max(end), y + 1]);
            }
        }
        bounds
    }

    /// The same mask over a finer or coarser grid, with soft edges where it becomes finer (bilinear).
    pub fn scaled(&self, width: u32, height: u32) -> Mask {
        if [width, height] == [self.width, self.height] {
            return self.clone();
        }
        let columns: Vec<Between> = (0..width).map(|x| Between::of(x, width, self.width)).collect();
        let mut coverage = Vec::with_capacity(width as usize * height as usize);
        for y in 0..height {
            let vertical = Between::of(y, height, self.height);
            let row = |y: usize| &self.coverage[y * self.width as usize..][..self.width as usize];
            let (upper, lower) = (row(vertical.at[0]), row(vertical.at[1]));
            coverage.extend(columns.iter().map(|horizontal| {
                vertical.mix(horizontal.of_row(upper), horizontal.of_row(lower)).round() as u8
            }));
        }
        Mask::new(width, height, coverage)
    }

    /// The mask with every cell covered whole that lies within a square of `2 * by + 1` cells around a covered one.
    pub fn grown(&self, by: u32) -> Mask {
        self.widened(by, by)
    }

    /// The mask with every cell covered whole that lies at most so many columns and rows from a covered one.
    pub fn widened(&self, columns: u32, rows: u32) -> Mask {
        let (width, by_columns, by_rows) = (self.width as usize, columns as usize, rows as usize);
        let mut grown = Mask::new(self.width, self.height, vec![0; self.coverage.len()]);
        // Rows first, then columns: a square is a run of runs.
        let mut rows = vec![0; self.coverage.len()];
        for (from, to) in self.coverage.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
            spread(width, by_columns, |x| from[x] > 0, |x| to[x] = u8::MAX);
        }
        for x in 0..width {
            let height = self.height as usize;
            spread(height, by_rows, |y| rows[y * width + x] > 0, |y| grown.coverage[y * width + x] = u8::MAX);
        }
        grown
    }

    /// What either of two masks of one size covers.
    ///
    /// # Panics
    /// If they are not of one size.
    pub fn or(&self, other: &Mask) -> Mask {
        assert_eq!([self.width, self.height], [other.width, other.height], "masks of one size");
        let coverage = self.coverage.iter().zip(&other.coverage).map(|(a, b)| *a.max(b));
        Mask::new(self.width, self.height, coverage.collect())
    }

    /// The mask with coverage that falls off towards its edge, over about `by` cells; nothing is covered that was not.
    pub fn feathered(&self, by: u32) -> Mask {
        if by == 0 {
            return self.clone();
        }
        let (width, height, by) = (self.width as usize, self.height as usize, by as usize);
        let mut soft = self.coverage.clone();
        // Twice the mean of a run is a triangle, which has no visible corner.
        for _ in 0..2 {
            let rows = soft.clone();
            for (from, to) in rows.chunks_exact(width).zip(soft.chunks_exact_mut(width)) {
                smooth(width, by, |x| from[x], |x, mean| to[x] = mean);
            }
            let columns = soft.clone();
            for x in 0..width {
                smooth(height, by, |y| columns[y * width + x], |y, mean| soft[y * width + x] = mean);
            }
            for (soft, hard) in soft.iter_mut().zip(&self.coverage) {
                *soft = (*soft).min(*hard);
            }
        }
        Mask::new(self.width, self.height, soft)
    }
}

/// Sets every index of `0..length` to the mean of the run of `2 * (by / 2) + 1` values around it; beyond the ends stand the
/// outermost values.
fn smooth(length: usize, by: usize, value: impl Fn(usize) -> u8, mut set: impl FnMut(usize, u8)) {
    let reach = by / 2;
    let at = |idx: usize| usize::from(value(idx.saturating_sub(reach).min(length - 1)));
    let mut sum: usize = (0..=2 * reach).map(at).sum();
    for idx in 0..length {
        set(idx, (sum / (2 * reach + 1)) as u8);
        sum = sum + at(idx + 2 * reach + 1) - at(idx);
    }
}

/// Sets every index of `0..length` that is at most `by` away from one that is set.
fn spread(length: usize, by: usize, is_set: impl Fn(usize) -> bool, mut set: impl FnMut(usize)) {
    let mut next = 0;
    for at in (0..length).filter(|&at| is_set(at)) {
        for idx in next.max(at.saturating_sub(by))..(at + by + 1).min(length) {
            set(idx);
            next = idx + 1;
        }
    }
}

/// A position between two cells of a coarser grid.
struct Between {
    at: [usize; 2],
    /// How close it is to the second, from 0 to 1.
    share: f32,
}

impl Between {
    /// Where the middle of cell `idx` of `fine` lies in a grid of `coarse`.
    fn of(idx: u32, fine: u32, coarse: u32) -> Self {
        let place = ((idx as f32 + 0.5) * coarse as f32 / fine as f32 - 0.5).clamp(0.0, (coarse - 1) as f32);
        let first = place as usize;
        Between { at: [first, (first + 1).min(coarse as usize - 1)], share: place - first as f32 }
    }

    fn of_row(&self, row: &[u8]) -> f32 {
        self.mix(f32::from(row[self.at[0]]), f32::from(row[self.at[1]]))
    }

    fn mix(&self, first: f32, second: f32) -> f32 {
        first + (second - first) * self.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mask from rows of `.` and `#`.
    fn drawn(rows: &[&str]) -> Mask {
        let cells = rows.concat().bytes().map(|cell| if cell == b'#' { 255 } else { 0 }).collect();
        Mask::new(rows[0].len() as u32, rows.len() as u32, cells)
    }

    #[test]
    fn growing_adds_a_square_around_every_cell() {
        assert_eq!(
            drawn(&["......", ".#....", "......", "......", "......"]).grown(1),
            drawn(&["###...", "###...", "###...", "......", "......"])
        );
        assert_eq!(drawn(&["#..#", "....", "...#"]).grown(0), drawn(&["#..#", "....", "...#"]));
        assert_eq!(drawn(&["#....#", "......"]).grown(2), drawn(&["######", "######"]));
    }

    #[test]
    fn columns_and_rows_grow_apart() {
        assert_eq!(drawn(&[".....", "..#..", "....."]).widened(2, 0), drawn(&[".....", "#####", "....."]));
        assert_eq!(drawn(&[".....", "..#..", "....."]).widened(0, 1), drawn(&["..#..", "..#..", "..#.."]));
    }

    #[test]
    fn a_feather_falls_off_towards_the_edge_and_never_beyond_it() {
        let hard = Mask::new(
            40,
            40,
            (0..1600).map(|at| if (10..30).contains(&(at % 40)) { 255 } else { 0 }).collect(),
        );
        let soft = hard.feathered(6);
        let row: Vec<u8> = (0..40).map(|x| soft.coverage()[20 * 40 + x]).collect();
        assert!(row[..10].iter().chain(&row[30..]).all(|coverage| *coverage == 0), "{row:?}");
        assert!(row[10..20].is_sorted() && row[10] > 0 && row[10] < 128, "{row:?}");
        assert!(row[16..24].iter().all(|coverage| *coverage == 255), "{row:?}");
        assert_eq!(hard.feathered(0), hard);
        let whole = Mask::new(5, 3, vec![255; 15]);
        assert_eq!(whole.feathered(9), whole, "the image's edge is none of the mask's");
    }

    #[test]
    fn bounds_hold_all_that_is_covered() {
        assert_eq!(drawn(&["....", ".##.", "..#."]).bounds(), Some([1, 1, 3, 3]));
        assert_eq!(drawn(&["....", "...."]).bounds(), None);
    }

    #[test]
    fn a_finer_grid_has_soft_edges_and_the_same_middle() {
        let fine = drawn(&["..", ".#"]).scaled(8, 8);
        assert_eq!((fine.coverage()[0], fine.coverage()[63]), (0, 255));
        assert!(fine.coverage().iter().any(|c| (1..255).contains(c)));
        assert_eq!(drawn(&["#"]).scaled(3, 2), Mask::new(3, 2, vec![255; 6]));
    }
}
