// A matrix as a picture on a canvas, from dark blue to yellow: lightness rises with the value, also in grey.

// cividis at nine places; made for readers with and without color vision deficiency.   [nunez2018]
const STOPS = [
  [0, 34, 78], [24, 59, 111], [67, 78, 108], [96, 99, 111], [125, 124, 120], [156, 148, 119], [189, 175, 110],
  [222, 202, 90], [254, 232, 56],
];

const SHADES = Array.from({ length: 256 }, (_, shade) => {
  const place = (shade / 255) * (STOPS.length - 1);
  const low = Math.min(Math.floor(place), STOPS.length - 2);
  return STOPS[low].map((value, k) => Math.round(value + (place - low) * (STOPS[low + 1][k] - value)));
});

// `limits` are the values of the darkest and the lightest color; entries where `seen` is 0 stay blank.
export function drawMatrix(canvas, matrix, limits, seen = null) {
  canvas.width = matrix.cols;
  canvas.height = matrix.rows;
  canvas.style.aspectRatio = `${matrix.cols} / ${matrix.rows}`;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(matrix.cols, matrix.rows);
  const [low, high] = limits;
  for (let place = 0; place < matrix.data.length; place++) {
    if (seen !== null && !seen[place]) continue;
    const share = high > low ? (matrix.data[place] - low) / (high - low) : 0.5;
    const color = SHADES[Math.round(255 * Math.min(Math.max(share, 0), 1))];
    for (let k = 0; k < 3; k++) pixels.data[4 * place + k] = color[k];
    pixels.data[4 * place + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
}
