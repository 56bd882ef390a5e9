import { html } from 'hono/html'
import type { CopyPoint } from '../../account/status/copies.ts'
import { count, when } from '../parts/when.ts'
import type { Markup } from '../parts/layout.ts'
import type { Visit } from '../visit.ts'

/** How many there are to copy. */
interface Expected {
  records: number
  blobs: number
}

const BOX = { left: 76, right: 626, top: 12, bottom: 200 }
const SHARES = [0, 25, 50, 75, 100]

const y = (share: number): string => (BOX.bottom - (BOX.bottom - BOX.top) * Math.min(1, share)).toFixed(1)

/** A line through the shares of what there is. */
const line = (points: readonly CopyPoint[], shareOf: (point: CopyPoint) => number): string => {
  const begin = points[0]?.at ?? 0
  const length = Math.max(1, (points.at(-1)?.at ?? 0) - begin)
  const x = ({ at }: CopyPoint): string =>
    (BOX.left + ((BOX.right - BOX.left) * (at - begin)) / length).toFixed(1)
  return points.map((point, n) => `${n === 0 ? 'M' : 'L'}${x(point)} ${y(shareOf(point))}`).join('')
}

const share = (value: number, all: number): number => (all === 0 ? 1 : value / all)

/**
 * Records and blobs that were copied, as shares over time. The same is in words below: the plot says nothing that is only to
 * be seen. Lines differ in colour and in their dashes.
 */
export const copyPlot = (visit: Visit, points: readonly CopyPoint[], expected: Expected): Markup => {
  const { leaving: text } = visit.text
  const [first, last] = [points[0], points.at(-1)]
  if (!first || !last) return html`<p class="soft">${text.nothingCopied}</p>`
  const said = text.copiedText(
    count(visit, Math.min(last.records, expected.records)),
    count(visit, expected.records),
    count(visit, Math.min(last.blobs, expected.blobs)),
    count(visit, expected.blobs),
  )
  return html`<figure>
    <svg class="plot" viewBox="0 0 640 222" role="img" aria-labelledby="plot-title plot-text">
      <title id="plot-title">${text.copied}</title>
      <desc id="plot-text">${said}</desc>
      ${SHARES.map(
        (percent) =>
          html`<path d="M${BOX.left} ${y(percent / 100)}H${BOX.right}" />
            <text x="${BOX.left - 6}" y="${y(percent / 100)}" text-anchor="end">${percent} %</text>`,
      )}
      <path class="records" d="${line(points, ({ records }) => share(records, expected.records))}" />
      <path class="blobs" d="${line(points, ({ blobs }) => share(blobs, expected.blobs))}" />
    </svg>
    <ul class="legend small">
      <li>
        <svg class="plot" viewBox="0 0 34 8" aria-hidden="true"><path class="records" d="M1 4H33" /></svg>
        ${text.records}
      </li>
      <li>
        <svg class="plot" viewBox="0 0 34 8" aria-hidden="true"><path class="blobs" d="M1 4H33" /></svg>
        ${text.blobs}
      </li>
      <li class="soft">${when(visit, first.at)} – ${when(visit, last.at)}</li>
    </ul>
    <figcaption>${said}</figcaption>
  </figure>`
}
