import type { Result } from './compare-routes.js';
import { titleOf } from './scenarios.js';

/** Sizes in pixels. */
const ROW = 30;
const BAR = 14;
const LEFT = 220;
const PLOT = 420;
const RIGHT = 70;
const TOP = 34;

/**
 * A bar chart of the ratios of routes, as an SVG image: a bar for the median of the rounds, a line from
 * the first to the third quartile, and a mark for the target. It is legible on white and on black.
 */
export function routesChart(results: readonly Result[], title: string): string {
  const highest = Math.max(
    1,
    ...results.flatMap(({ ratio, scenario }) => [ratio.upper, scenario.target]),
  );
  const x = (ratio: number): string => (LEFT + (ratio / highest) * PLOT).toFixed(1);
  const height = TOP + results.length * ROW + 10;
  const rows = results.flatMap(({ scenario, ratio }, i) => {
    const y = TOP + i * ROW;
    const middle = y + BAR / 2;
    const isMet = ratio.median >= scenario.target;
    return [
      text(LEFT - 8, middle, titleOf(scenario), 'end'),
      `<rect x="${LEFT}" y="${y}" width="${(Number(x(ratio.median)) - LEFT).toFixed(1)}" height="${BAR}" fill="${isMet ? '#2a9d8f' : '#e07a3f'}"/>`,
      line(x(ratio.lower), x(ratio.upper), middle, middle, 1.5),
      line(x(scenario.target), x(scenario.target), y - 4, y + BAR + 4, 2.5),
      text(LEFT + PLOT + 8, middle, ratio.median.toFixed(2), 'start'),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${LEFT + PLOT + RIGHT}" height="${height}" font-family="sans-serif" font-size="12" fill="#888">`,
    `<title>${title}</title>`,
    text(LEFT, 14, `${title} (the marks are targets)`, 'start'),
    line(x(1), x(1), TOP - 8, height - 6, 1, '4 3'),
    ...rows,
    '</svg>',
    '',
  ].join('\n');
}

function text(x: number, y: number, content: string, anchor: 'start' | 'end'): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" dominant-baseline="middle">${content}</text>`;
}

function line(
  x1: string,
  x2: string,
  y1: number,
  y2: number,
  width: number,
  dashes?: string,
): string {
  const dashed = dashes === undefined ? '' : ` stroke-dasharray="${dashes}"`;
  return `<line x1="${x1}" x2="${x2}" y1="${y1}" y2="${y2}" stroke="#888" stroke-width="${width}"${dashed}/>`;
}
