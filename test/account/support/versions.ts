/** Accounts that earlier schema versions made, taken over by this program. */
import { expect } from 'vitest'
import v1 from '../../fixtures/schema-v1.json?raw'
import v2 from '../../fixtures/schema-v2.json?raw'
import v3 from '../../fixtures/schema-v3.json?raw'
import { ddlOf, type Fixture, restore, tablesOf } from '../../fixtures/database.ts'
import { inStorage, type TestAccount } from './account.ts'

const HOUR = 3600_000

export const fixtures = [v1, v2, v3].map((text) => JSON.parse(text) as Fixture)

export const inFixture = (
  fixture: Fixture,
  work: (open: () => TestAccount, storage: DurableObjectStorage) => Promise<void>,
): Promise<void> =>
  inStorage((storage, open) => {
    restore(storage, fixture)
    return work(() => open(fixture.now + HOUR), storage)
  })

/** Everything that is stored. */
export const stored = (storage: DurableObjectStorage): string =>
  JSON.stringify([ddlOf(storage), tablesOf(storage)])

export const sound = async (account: TestAccount): Promise<void> =>
  expect((await account.check()).problems).toEqual([])

/** Days go by: all is packed anew, and what was there before is deleted. */
export const tidy = ({ repack, clock }: TestAccount): void => {
  clock.now += 25 * HOUR
  while (repack.step().more);
  clock.now += 2 * HOUR
  while (repack.collect(clock.now - HOUR).more);
}

export const lost = (): never => {
  throw new Error('no fixture')
}
