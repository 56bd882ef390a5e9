import type { Config } from '../../config.ts'
import { log } from '../../log.ts'
import type { Outbound } from '../../outbound.ts'
import type { Platform } from '../../platform.ts'
import type { Sql } from '../db/sql.ts'
import { createFirehose, type Firehose, type FirehoseDeps } from './firehose.ts'
import { createRelays, type Relays } from './relays.ts'
import { createSequencer, type SequencedEvent, type Sequencer } from './sequencer.ts'
import { createSubscriberLimits, type SubscriberLimitsDeps } from './subscriberLimits.ts'

/** The event log, and those who hear of an event. */
export interface Events {
  sequencer: Sequencer
  firehose: Firehose
  relays: Relays
}

export interface EventsDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'sleep'>
  journal: SubscriberLimitsDeps['journal']
  config: Pick<Config, 'did' | 'hostname' | 'relays'>
  send: Outbound
  sockets: FirehoseDeps['sockets']
  /** Sets the alarm, so that what is under way goes on within `delayMs`. */
  wake(delayMs: number): void
  /** Called after each event, for what the alarm does later. */
  noteEvent(): void
}

export const createEvents = (deps: EventsDeps): Events => {
  const { config, noteEvent } = deps
  const base = { ...config, ...deps }
  const broadcast = (event: SequencedEvent): void => {
    firehose.publish(event)
    relays.noteEvent()
    noteEvent()
  }
  const sequencer = createSequencer({ ...base, broadcast })
  const subscriberLimits = createSubscriberLimits(base)
  const firehose = createFirehose({ ...base, sequencer, subscriberLimits })
  const logRelay = (message: string): void => log('warn', { event: 'relay', message })
  const relays = createRelays({ ...base, sequencer, log: logRelay })
  return { sequencer, firehose, relays }
}
