import {
  createMaintenance,
  type Maintenance,
  type MaintenanceDeps,
} from '../../../src/account/maintenance.ts'
import { createEraser } from '../../../src/account/lifecycle/erase.ts'
import type { TestAccount } from './account.ts'

const DAY_MS = 24 * 3600_000

/** An account's maintenance, without a network and with an alarm that the test can read. */
export const maintenanceOf = (
  account: TestAccount,
  deps: Partial<MaintenanceDeps> = {},
): { maintenance: Maintenance; alarm: () => number | null } => {
  let alarm: number | null = null
  const maintenance = createMaintenance({
    ...account,
    retentionMs: DAY_MS,
    relays: { run: () => Promise.resolve(), nextAt: () => undefined },
    firehose: { resume: () => {} },
    eraser: createEraser({ ...account, hasNoBackup: () => true }),
    backups: { runIfDue: async () => {}, dueInMs: () => Infinity, erase: async () => ({ more: false }) },
    pulls: { step: () => Promise.resolve({ more: false }) },
    oauth: { collect: () => {} },
    followDid: () => Promise.resolve(),
    report: () => {},
    alarms: {
      getAlarm: () => Promise.resolve(alarm),
      setAlarm: (time) => {
        alarm = Number(time)
        return Promise.resolve()
      },
    },
    ...deps,
  })
  return { maintenance, alarm: () => alarm }
}
