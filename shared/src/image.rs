//! An image in memory: opaque 8-bit RGB, whatever file it came from.

/// Opaque 8-bit sRGB pixels, row by row from the top left.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Image {
    /// Wraps `rgb`, three bytes a pixel, rows from the top.
    ///
    /// # Panics
    /// If a side is zero or `rgb` is not `3 * width * height` bytes long.
    pub fn new(width: u32, height: u32, rgb: Vec<u8>) -> Self {
        assert!(width > 0 && height > 0, "an image of {width}x{height} has no pixels");
        let expected = 3 * width as usize * height as usize;
        assert_eq!(rgb.len(), expected, "bytes given and bytes of {width}x{height} pixels");
        Image { width, height, rgb }
    }

    /// Width in pixels, at least 1.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels, at least 1.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The bytes, `3 * width * height` of them.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The pixels, `width * height` of them.
    pub fn pixels(&self) -> &[[u8; 3]] {
        self.rgb.as_chunks::<3>().0
    }

    /// The color at column `x` and row `y`.
    ///
    /// # Panics
    /// If the position is outside the image.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        assert!(x < self.width && y < self.height, "({x}, {y}) outside {}x{}", self.width, self.height);
        self.pixels()[y as usize * self.width as usize + x as usize]
    }

    /// The part of `width` by `height` pixels whose top left is at column `left` and row `top`.
    ///
    /// # Panics
    /// If the part has no pixels or reaches out of the image.
    pub fn cropped(&self, left: u32, top: u32, width: u32, height: u32) -> Image {
        let fits = left + width <= self.width && top + height <= self.height;
        assert!(fits, "{width}x{height} at ({left}, {top}) of {}x{}", self.width, self.height);
        let rows = (top..top + height).flat_map(|y| {
            let start = 3 * (y as usize * self.width as usize + left as usize);
            &self.rgb[start..start + 3 * width as usize]
        });
        Image::new(width, height, rows.copied().collect())
    }

    /// The same image with left and right exchanged.
    pub fn mirrored(&self) -> Image {
        let rows = self.pixels().chunks_exact(self.width as usize);
        let rgb = rows.flat_map(|row| row.iter().rev().flatten().copied());
        Image { width: self.width, height: self.height, rgb: rgb.collect() }
    }
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image({}x{})", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirrored_image_has_its_columns_the_other_way_round() {
        let image = Image::new(3, 2, (0..18).collect());
        let mirrored = image.mirrored();
        assert_eq!((mirrored.pixel(0, 0), mirrored.pixel(2, 1)), (image.pixel(2, 0), image.pixel(0, 1)));
        assert_eq!(mirrored.mirrored(), image);
    }
}
