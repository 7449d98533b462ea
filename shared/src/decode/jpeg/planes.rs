//! JPEG files whose components libjpeg-turbo-rs does not read together: one plane after the other, by the same arithmetic.
//!
//! Its coefficients are read scan by scan, as if each scan were a file of its own. Each component then stands in a file where it is
//! coarser than the first component or as fine, which is what the library decodes.

use libjpeg_turbo_rs::{ComponentCoefficients, JpegCoefficients, JpegError, PixelFormat};

use super::{Component, Layout, segments};

/// The Adobe marker's word for components that are colors already.
const NO_TRANSFORM: Option<u8> = Some(0);

/// The marker at the end of a file.
const END: [u8; 2] = [0xff, 0xd9];

/// Decodes a file of three components to RGB: three bytes a pixel.
///
/// # Errors
/// In the library's words, if the file is damaged or of a kind that it does not read.
pub fn decode(bytes: &[u8], layout: &Layout) -> Result<Vec<u8>, String> {
    let finest = [finest(|it| it.wide, &layout.components), finest(|it| it.high, &layout.components)];
    let divides =
        |it: &Component| it.wide > 0 && it.high > 0 && finest[0] % it.wide == 0 && finest[1] % it.high == 0;
    if layout.components.len() != 3 || !layout.components.iter().all(divides) {
        return Err(format!("it has {} components in a layout that is not read", layout.components.len()));
    }
    let mut file = if layout.is_progressive { read(bytes)? } else { by_scan(bytes, &layout.components)? };
    let is_rgb = is_rgb(&file);
    let planes: Vec<Vec<u8>> = std::mem::take(&mut file.components)
        .into_iter()
        .map(|component| plane(&file, component, finest))
        .collect::<Result<_, _>>()?;
    let [first, second, third] = &planes[..] else { return Err("it lacks a component".to_owned()) };
    let color =
        |((&first, &second), &third)| if is_rgb { [first, second, third] } else { rgb(first, second, third) };
    Ok(first.iter().zip(second).zip(third).flat_map(color).collect())
}

/// The largest sampling factor of components.
fn finest<'c>(factor: fn(&Component) -> usize, of: impl IntoIterator<Item = &'c Component>) -> usize {
    of.into_iter().map(factor).max().unwrap_or(1)
}

fn read(bytes: &[u8]) -> Result<JpegCoefficients, String> {
    libjpeg_turbo_rs::read_coefficients(bytes).map_err(|error: JpegError| error.to_string())
}

/// The coefficients of a file that is not progressive, from each of its scans.
fn by_scan(bytes: &[u8], components: &[Component]) -> Result<JpegCoefficients, String> {
    let mut before = bytes.get(..2).unwrap_or_default().to_vec();
    let (mut frame, mut found, mut file) = (Vec::new(), Vec::new(), None);
    for segment in segments(bytes) {
        if segment.is_frame() {
            frame = segment.bytes.to_vec();
        } else if segment.is_scan() {
            let n = segment.content().first().copied().map_or(0, usize::from);
            let names = segment.content().get(1..1 + 2 * n).unwrap_or_default().chunks_exact(2);
            let member = |name: &[u8]| components.iter().find(|component| component.name == name[0]);
            let members: Vec<&Component> = names.filter_map(member).collect();
            let frame = frame_of(&frame, &members, components)?;
            let mut part = read(&[&before, &frame, segment.bytes, segment.scan, &END].concat())?;
            for mut component in std::mem::take(&mut part.components) {
                let table = part.quant_tables.get(usize::from(component.quant_table_index)).copied();
                component.quant_table_index = 0;
                found.push((component, table.ok_or("a table of its components is missing")?));
            }
            file.get_or_insert(part);
        } else {
            before.extend(segment.bytes);
        }
    }
    let mut file = file.ok_or("it has no scan")?;
    let side = |at: usize| frame.get(at..at + 2).map_or(0, |two| u16::from_be_bytes([two[0], two[1]]));
    (file.height, file.width) = (side(5), side(7));
    // In the order of the frame, whatever the order of the scans.
    found.sort_by_key(|(component, _)| {
        components.iter().position(|known| known.name == component.component_id)
    });
    if found.iter().map(|(component, _)| component.component_id).ne(components.iter().map(|known| known.name))
    {
        return Err("its scans do not hold each component once".to_owned());
    }
    (file.components, file.quant_tables) = found.into_iter().unzip();
    for (nth, component) in file.components.iter_mut().enumerate() {
        component.quant_table_index = nth as u8;
    }
    Ok(file)
}

/// The frame of a file that holds nothing but the components of one scan, in as many blocks as the scan has.
fn frame_of(frame: &[u8], members: &[&Component], all: &[Component]) -> Result<Vec<u8>, String> {
    let length = |at: usize, factor: fn(&Component) -> usize| -> Result<[u8; 2], String> {
        let whole = frame.get(at..at + 2).ok_or("its frame is cut off")?;
        let whole = usize::from(u16::from_be_bytes([whole[0], whole[1]]));
        let length = match members {
            [alone] => (whole * factor(alone)).div_ceil(finest(factor, all)),
            several => whole.div_ceil(8 * finest(factor, all)) * 8 * finest(factor, several.iter().copied()),
        };
        Ok(u16::try_from(length).map_err(|_| "it is too large".to_owned())?.to_be_bytes())
    };
    let (height, width) = (length(5, |component| component.high)?, length(7, |component| component.wide)?);
    let mut own = frame[..5].to_vec();
    own[2..4].copy_from_slice(&(8 + 3 * members.len() as u16).to_be_bytes());
    own.extend([height, width].concat());
    own.push(members.len() as u8);
    own.extend(members.iter().flat_map(|component| component.bytes()));
    Ok(own)
}

/// A component of the file at the size of the image, whose finest component has these sampling factors.
fn plane(
    file: &JpegCoefficients,
    component: ComponentCoefficients,
    [wide, high]: [usize; 2],
) -> Result<Vec<u8>, String> {
    let blocks_x = component.blocks_x / usize::from(component.h_sampling) * wide;
    let blocks_y = component.blocks_y / usize::from(component.v_sampling) * high;
    let blank = ComponentCoefficients {
        blocks: vec![[0; 64]; blocks_x * blocks_y],
        blocks_x,
        blocks_y,
        h_sampling: wide as u8,
        v_sampling: high as u8,
        quant_table_index: component.quant_table_index,
        component_id: 0,
    };
    let twice = ComponentCoefficients { component_id: 1, ..component.clone() };
    let once = ComponentCoefficients { component_id: 2, ..component };
    let alone = JpegCoefficients {
        components: vec![blank, twice, once],
        restart_interval: 0,
        saw_jfif_marker: false,
        adobe_transform: NO_TRANSFORM,
        ..file.clone()
    };
    let failed = |error: JpegError| error.to_string();
    let bytes = libjpeg_turbo_rs::write_coefficients(&alone).map_err(failed)?;
    let image = libjpeg_turbo_rs::Decoder::new(&bytes).map_err(failed)?.decode_image().map_err(failed)?;
    match image.pixel_format {
        PixelFormat::Rgb => Ok(image.data.iter().skip(1).step_by(3).copied().collect()),
        other => Err(format!("it has pixels of the kind {other:?}")),
    }
}

/// Whether the components are colors and not brightness and color differences (libjpeg-turbo, `default_decompress_parms`).
fn is_rgb(file: &JpegCoefficients) -> bool {
    let names = file.components.iter().map(|component| component.component_id);
    match file.adobe_transform {
        _ if file.saw_jfif_marker => false,
        Some(transform) => transform == 0,
        None => names.eq(*b"RGB"),
    }
}

/// Brightness and color differences to RGB in whole numbers (libjpeg-turbo, `jdcolor.c`).
fn rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    const HALF: i32 = 1 << 15;
    const fn fixed(factor: f64) -> i32 {
        (factor * 65_536.0 + 0.5) as i32
    }
    let [y, cb, cr] = [i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128];
    let green = -fixed(0.344_14) * cb - fixed(0.714_14) * cr + HALF;
    [y + ((fixed(1.402) * cr + HALF) >> 16), y + (green >> 16), y + ((fixed(1.772) * cb + HALF) >> 16)]
        .map(|level| level.clamp(0, 255) as u8)
}

#[cfg(test)]
mod tests {
    use super::super::layout;
    use super::super::tests::{file, image};
    use super::*;
    use jpeg_encoder::SamplingFactor;

    fn written(file: &JpegCoefficients) -> Vec<u8> {
        libjpeg_turbo_rs::write_coefficients(file).expect("a JPEG")
    }

    /// The decoder's pixels.
    fn pixels(bytes: &[u8]) -> Vec<u8> {
        decode(bytes, &layout(bytes)).expect("pixels")
    }

    /// The segments of a file that are not about the whole of it, and its scan.
    fn scan(bytes: &[u8]) -> Vec<u8> {
        let of_scan = segments(bytes).filter(|segment| segment.marker == 0xc4 || segment.is_scan());
        of_scan.flat_map(|segment| [segment.bytes, segment.scan].concat()).collect()
    }

    #[test]
    fn planes_one_by_one_give_the_pixels_of_all_together() {
        for sampling in
            [SamplingFactor::F_1_1, SamplingFactor::F_2_1, SamplingFactor::F_1_2, SamplingFactor::F_2_2]
        {
            for is_scan_each in [false, true] {
                let bytes = file(sampling, is_scan_each);
                assert!(pixels(&bytes) == image(&bytes).rgb(), "{sampling:?}, {is_scan_each}");
            }
        }
    }

    #[test]
    fn both_chroma_components_in_one_scan_change_no_pixel() {
        for sampling in [SamplingFactor::F_1_1, SamplingFactor::F_2_2] {
            let whole = file(sampling, false);
            let all = read(&whole).expect("coefficients");
            let [luma, chroma @ ..] = &all.components[..] else { panic!("no components") };
            let luma = written(&JpegCoefficients { components: vec![luma.clone()], ..all.clone() });
            let width = 8 * chroma[0].blocks_x as u16;
            let height = 8 * chroma[0].blocks_y as u16;
            let chroma = JpegCoefficients { components: chroma.to_vec(), width, height, ..all.clone() };
            let before = segments(&whole).take_while(|segment| !segment.is_scan());
            let mut bytes = vec![0xff, 0xd8];
            bytes.extend(before.flat_map(|segment| segment.bytes.to_vec()));
            bytes.extend([scan(&luma), scan(&written(&chroma)), END.to_vec()].concat());
            assert!(layout(&bytes).is_odd);
            assert_eq!(image(&bytes), image(&whole), "{sampling:?}");
        }
    }

    #[test]
    fn a_component_finer_than_the_first_is_as_in_a_file_where_it_is_the_first() {
        let mut regular = read(&file(SamplingFactor::F_2_2, false)).expect("coefficients");
        (regular.saw_jfif_marker, regular.adobe_transform) = (false, NO_TRANSFORM);
        let mut odd = regular.clone();
        odd.components.swap(0, 1);
        let (regular, odd) = (written(&regular), written(&odd));
        assert!(layout(&odd).is_odd && !layout(&regular).is_odd);
        let swapped: Vec<u8> =
            image(&regular).rgb().as_chunks().0.iter().flat_map(|&[r, g, b]| [g, r, b]).collect();
        assert!(image(&odd).rgb() == swapped);
    }

    #[test]
    fn colors_are_those_of_libjpeg() {
        // From djpeg, of files with one color.
        assert_eq!(rgb(76, 85, 255), [254, 0, 0]);
        assert_eq!(rgb(128, 128, 128), [128, 128, 128]);
        assert_eq!(rgb(29, 255, 107), [0, 0, 254]);
    }
}
