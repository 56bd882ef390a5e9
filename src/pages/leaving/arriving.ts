import { html } from 'hono/html'
import type { Markup } from '../parts/layout.ts'
import { count } from '../parts/when.ts'
import type { Site, Visit } from '../visit.ts'

/** What has come in, on the side that an account moves to; nothing where none does. */
export const arriving = ({ account }: Site, visit: Visit): Markup | undefined => {
  const { leaving: text } = visit.text
  const { progress } = account.imports
  const { stored, expected } = account.blobs.counts()
  const isMovingIn = progress !== undefined || (account.state() === 'deactivated' && stored < expected)
  if (!isMovingIn) return undefined
  return html`<section class="card">
    <h2>${text.arriving}</h2>
    <p>
      ${
        progress
          ? text.arrivingNow(
              count(visit, progress.records),
              count(visit, Math.round(progress.bytes / 1e5) / 10),
            )
          : text.arrivingRecords(count(visit, account.counts().records))
      }
    </p>
    ${
      expected > 0 &&
      html`<p>
        <label for="blobs">${text.arrivingBlobs(count(visit, stored), count(visit, expected))}</label>
        <progress id="blobs" max="${expected}" value="${stored}"></progress>
      </p>`
    }
  </section>`
}
