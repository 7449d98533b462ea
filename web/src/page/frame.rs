//! Where the image on show lies in its frame.

use web_sys::HtmlImageElement;

use super::dom::by_id;

/// An image in its frame, in CSS pixels.
pub(super) struct Frame {
    room: [f32; 2],
    size: [f32; 2],
}

impl Frame {
    /// The frame of the image on show; nothing while the browser has not read it.
    pub(super) fn now() -> Option<Frame> {
        let image: HtmlImageElement = by_id("current-picture");
        let natural = [image.natural_width(), image.natural_height()].map(|side| side as f32);
        let room = [image.client_width(), image.client_height()].map(|side| side as f32);
        let scale = (room[0] / natural[0]).min(room[1] / natural[1]);
        let size = natural.map(|side| side * scale);
        (scale.is_finite() && size[0] > 0.0 && size[1] > 0.0).then_some(Frame { room, size })
    }

    /// The longer side of the image.
    pub(super) fn longer_side(&self) -> f32 {
        self.size[0].max(self.size[1])
    }

    /// The shares of the frame's sides that the image takes, or the square in its middle.
    pub(super) fn shares(&self, whole: bool) -> [f32; 2] {
        let shorter = self.size[0].min(self.size[1]);
        let size = if whole { self.size } else { [shorter; 2] };
        [size[0] / self.room[0], size[1] / self.room[1]]
    }

    /// A point of the frame as shares of the image's sides.
    pub(super) fn share(&self, point: [f32; 2]) -> [f32; 2] {
        [0, 1].map(|axis| (point[axis] - (self.room[axis] - self.size[axis]) / 2.0) / self.size[axis])
    }

    /// The inverse of [`Frame::share`].
    pub(super) fn place(&self, share: [f32; 2]) -> [f64; 2] {
        [0, 1]
            .map(|axis| f64::from((self.room[axis] - self.size[axis]) / 2.0 + share[axis] * self.size[axis]))
    }
}
