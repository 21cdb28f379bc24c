"use strict";

/** Draws the course of a recording into an element: `drawTrace(element, trace)`. */
const drawTrace = (() => {
  const root = getComputedStyle(document.documentElement);
  const colorOf = (name) => root.getPropertyValue(`--${name}`).trim();
  const MISSING = -32768;

  /** Stacked from top to bottom; each names its series and their colours. */
  const PLOTS = [
    {
      title: "Yaw, degrees",
      axis: { range: [-184, 184], tickvals: [-180, -90, 0, 90, 180] },
      wraps: true,
      weight: 1.5,
      series: [
        ["head_yaw_deg", "head", colorOf("blue")],
        ["gaze_yaw_deg", "gaze", colorOf("vermilion")],
      ],
    },
    {
      title: "Elevation, degrees",
      axis: {},
      weight: 1.5,
      series: [
        ["head_elevation_deg", "head", colorOf("blue")],
        ["gaze_elevation_deg", "gaze", colorOf("vermilion")],
      ],
    },
    {
      title: "Eye in head, degrees",
      axis: {},
      weight: 1.2,
      series: [
        ["offset_horizontal_deg", "horizontal", colorOf("green")],
        ["offset_vertical_deg", "vertical", colorOf("pink")],
        ["offset_magnitude_deg", "magnitude, largest", colorOf("ink")],
      ],
    },
    {
      title: "Openness of the eyes",
      axis: { range: [-0.05, 1.05], tickvals: [0, 0.5, 1] },
      weight: 0.8,
      series: [["eye_openness", "smallest", colorOf("green")]],
    },
    {
      title: "Activity of the face",
      axis: { rangemode: "tozero" },
      weight: 0.8,
      series: [["face_activity", "mean of the weights", colorOf("pink")]],
    },
    {
      title: "Time between samples, ms",
      axis: { type: "log", tickvals: [10, 100, 1000, 10000] },
      decades: true,
      weight: 0.8,
      series: [["interval_ms", "largest", colorOf("ink")]],
    },
  ];

  /** plotly.js, started when it is first needed: the page opens sooner without. */
  function plotly() {
    if (!window.Plotly) {
      const script = document.createElement("script");
      script.textContent = document.getElementById("plotly").textContent;
      document.head.append(script);
    }
    return window.Plotly;
  }

  /** The series of a trace by name; null where nothing was measured. */
  async function decode(trace) {
    const bytes = Uint8Array.from(atob(trace.deflated), (letter) => letter.charCodeAt(0));
    const inflating = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const view = new DataView(await new Response(inflating).arrayBuffer());
    const series = {};
    trace.names.forEach((name, row) => {
      let number = 0;
      series[name] = Array.from({ length: trace.points }, (_, point) => {
        const difference = view.getInt16(2 * (row * trace.points + point), true);
        number = ((number + difference) << 16) >> 16;
        return number === MISSING ? null : number * trace.steps[row];
      });
    });
    return series;
  }

  /** Points of a line, parted where it crosses the seam of the sphere or a gap in time. */
  function parted(times, values, wraps, gap) {
    const line = { x: [], y: [] };
    values.forEach((value, point) => {
      const before = values[point - 1];
      const acrossSeam = wraps && point > 0 && Math.abs(value - before) > 180;
      if (point > 0 && (acrossSeam || times[point] - times[point - 1] > gap)) {
        line.x.push(times[point]);
        line.y.push(null);
      }
      line.x.push(times[point]);
      line.y.push(value);
    });
    return line;
  }

  function median(values) {
    const sorted = [...values].sort((one, other) => one - other);
    return sorted[Math.floor(sorted.length / 2)];
  }

  function figure(series) {
    const times = series.time_s;
    const gap = 3 * median(times.slice(1).map((time, point) => time - times[point]));
    const shown = PLOTS.filter((plot) => plot.series.some(([name]) => name in series));
    const weights = shown.map((plot) => plot.weight);
    const space = 0.045;
    const unit = (1 - space * shown.length) / weights.reduce((sum, weight) => sum + weight, 0);
    const traces = [];
    const layout = {
      margin: { l: 44, r: 8, t: 4, b: 36 },
      font: { family: getComputedStyle(document.body).fontFamily, size: 11, color: colorOf("ink") },
      showlegend: false,
      hovermode: "x unified",
      hoversubplots: "axis",
      annotations: [],
      xaxis: {
        title: { text: "playback time, s", standoff: 6 },
        anchor: shown.length > 1 ? `y${shown.length}` : "y",
        gridcolor: "#f0f0f0",
        zeroline: false,
      },
    };
    let top = 1;
    shown.forEach((plot, number) => {
      const axis = number ? String(number + 1) : "";
      const bottom = top - space - unit * plot.weight;
      const present = plot.series.filter(([name]) => name in series);
      const largest = Math.max(...present.flatMap(([name]) => series[name]));
      layout[`yaxis${axis}`] = {
        ...(plot.decades && { range: [0, Math.max(2, Math.ceil(Math.log10(2 * largest)))] }),
        ...plot.axis,
        domain: [Math.max(bottom, 0), top - space],
        gridcolor: "#f0f0f0",
        zerolinecolor: colorOf("light"),
        nticks: 5,
      };
      const named = present.map(([, label, color]) => `<span style="color:${color}">■</span> ${label}`);
      layout.annotations.push({
        text: `<b>${plot.title}</b>  ${named.join("  ")}`,
        xref: "paper", x: 0, xanchor: "left",
        yref: "paper", y: top - space, yanchor: "bottom",
        showarrow: false,
      });
      for (const [name, label, color] of present) {
        traces.push({
          ...parted(times, series[name], plot.wraps, gap),
          name: label,
          yaxis: `y${axis}`,
          mode: "lines",
          connectgaps: false,
          line: { color, width: 1.3 },
          hovertemplate: "%{y:.4~g}",
        });
      }
      top = bottom;
    });
    return { traces, layout };
  }

  return async (target, trace) => {
    const { traces, layout } = figure(await decode(trace));
    if (!target.isConnected) return; // another recording was chosen meanwhile
    await plotly().newPlot(target, traces, layout, { displaylogo: false, responsive: true });
  };
})();
