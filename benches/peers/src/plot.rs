//! Draws times against sizes as an SVG, both on logarithmic scales.

use std::fmt::Write;

use crate::table::time;

/// A line: a size in MiB and a time in nanoseconds for each point.
pub struct Line {
    pub name: &'static str,
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 500.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 230.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 60.0;
/// The least room between the names of two lines.
const NAME_HEIGHT: f64 = 16.0;
/// Colours that most people can tell apart.
const COLOURS: [&str; 8] =
    ["#444444", "#e69f00", "#d55e00", "#009e73", "#56b4e9", "#cc79a7", "#0072b2", "#7a4fbf"];

struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Scale {
    fn at(&self, value: f64) -> f64 {
        let share = (value / self.from).ln() / (self.to / self.from).ln();
        self.start + share * (self.end - self.start)
    }
}

pub fn draw(lines: &[Line]) -> String {
    let points = || lines.iter().flat_map(|line| line.points.iter());
    let least = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(0.0, f64::max);
    let x = Scale { from: least(|p| p.0), to: most(|p| p.0), start: LEFT, end: WIDTH - RIGHT };
    let decade = |value: f64, round: fn(f64) -> f64| 10f64.powf(round(value.log10()));
    let y = Scale {
        from: decade(least(|p| p.1), f64::floor),
        to: decade(most(|p| p.1), f64::ceil),
        start: HEIGHT - BOTTOM,
        end: TOP,
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>Snapshot and restore time against the size of the context</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"26\" font-size=\"16\" fill=\"#222222\">\
         Snapshot and restore against the size of the context</text>\n"
    );
    grid(&mut svg, &x, &y);
    let ends: Vec<f64> =
        lines.iter().map(|line| line.points.last().map_or(y.start, |p| y.at(p.1))).collect();
    for ((line, colour), name) in lines.iter().zip(COLOURS).zip(apart(&ends)) {
        let places: Vec<String> = line
            .points
            .iter()
            .map(|(size, time)| format!("{:.1},{:.1}", x.at(*size), y.at(*time)))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            places.join(" ")
        );
        for (size, time) in &line.points {
            let (x, y) = (x.at(*size), y.at(*time));
            let _ =
                writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
        }
        text(&mut svg, (x.end + 10.0, name + 4.0), "start", colour, line.name);
    }
    svg.push_str("</svg>\n");
    svg
}

fn grid(svg: &mut String, x: &Scale, y: &Scale) {
    let mut line = |x1: f64, y1: f64, x2: f64, y2: f64| {
        let _ = writeln!(
            svg,
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#dddddd\"/>"
        );
    };
    let sizes: Vec<f64> = std::iter::successors(Some(x.from), |size| Some(size * 4.0))
        .take_while(|s| *s <= x.to)
        .collect();
    let times: Vec<f64> = std::iter::successors(Some(y.from), |time| Some(time * 10.0))
        .take_while(|time| *time <= y.to * 1.01)
        .collect();
    sizes.iter().for_each(|size| line(x.at(*size), y.start, x.at(*size), y.end));
    times.iter().for_each(|time| line(x.start, y.at(*time), x.end, y.at(*time)));
    for size in sizes {
        let name =
            if size < 1024.0 { format!("{size} MiB") } else { format!("{} GiB", size / 1024.0) };
        text(svg, (x.at(size), y.start + 18.0), "middle", "#222222", &name);
    }
    for value in times {
        let name = time(value).replace(".00", "").replace(".0", "");
        text(svg, (x.start - 8.0, y.at(value) + 4.0), "end", "#222222", &name);
    }
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, colour: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{text}</text>"
    );
}

/// Places near these with room between them, so that names do not cover each other.
fn apart(places: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|a, b| places[*a].total_cmp(&places[*b]));
    let mut moved = places.to_vec();
    for pair in order.windows(2) {
        moved[pair[1]] = moved[pair[1]].max(moved[pair[0]] + NAME_HEIGHT);
    }
    moved
}
