import { messageFrame } from '../../xrpc/frames.ts'
import type { Sequencer } from './sequencer.ts'

/** Frames of the log, ready to be sent. */
export interface LogPage {
  /** The page begins after this number. */
  after: number
  frames: Uint8Array<ArrayBuffer>[]
  /** Whether the event right after `after` is no longer in the log. */
  gap: boolean
  /** The number of the last frame's event. */
  last: number
}

/** Reads pages of the log. The last one is kept, so that it is read once for all subscribers with the same cursor. */
export interface LogPages {
  read(after: number): LogPage
  /** Frees the memory of the page that is kept. */
  clear(): void
}

/** How much of the log is read at once, and sent before another subscriber gets its turn. */
const PAGE_LIMITS = { events: 250, bytes: 1024 * 1024 }

export const createLogPages = ({ sequencer }: { sequencer: Pick<Sequencer, 'read'> }): LogPages => {
  let page: LogPage | undefined
  return {
    read: (after) => {
      if (page?.after === after && page.frames.length > 0) return page
      const events = sequencer.read(after, PAGE_LIMITS.events, PAGE_LIMITS.bytes)
      const frames = events.map(({ type, body }) => messageFrame(type, body))
      const gap = events[0]?.seq !== after + 1
      return (page = { after, frames, gap, last: events.at(-1)?.seq ?? after })
    },
    clear: () => {
      page = undefined
    },
  }
}
