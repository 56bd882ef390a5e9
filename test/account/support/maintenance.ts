import { type MaintenanceDeps, Maintenance } from '../../../src/account/maintenance.ts'
import type { TestAccount } from './account.ts'

const DAY = 24 * 3600_000

/** An account's chores, with nobody in the network and an alarm that the test looks at. */
export const choresOf = (
  account: TestAccount,
  parts: Partial<MaintenanceDeps> = {},
): { chores: Maintenance; alarm: () => number | null } => {
  let alarm: number | null = null
  const chores = new Maintenance({
    ...account,
    retention: DAY,
    relays: { run: () => Promise.resolve(), nextAt: () => undefined },
    firehose: { resume: () => {} },
    observe: () => Promise.resolve(),
    report: () => {},
    alarms: {
      getAlarm: () => Promise.resolve(alarm),
      setAlarm: (time) => {
        alarm = Number(time)
        return Promise.resolve()
      },
    },
    ...parts,
  })
  return { chores, alarm: () => alarm }
}
