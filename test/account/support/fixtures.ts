/** Accounts that earlier schema versions made, for the tests of the migrations. */
import type { Migration } from '../../../src/account/db/schema.ts'
import { ddlOf, type Fixture, restore, tablesOf } from '../../fixtures/database.ts'
import v5 from '../../fixtures/schema-v5.json?raw'
import v6 from '../../fixtures/schema-v6.json?raw'
import v7 from '../../fixtures/schema-v7.json?raw'
import v8 from '../../fixtures/schema-v8.json?raw'
import v9 from '../../fixtures/schema-v9.json?raw'
import v10 from '../../fixtures/schema-v10.json?raw'
import v11 from '../../fixtures/schema-v11.json?raw'
import v12 from '../../fixtures/schema-v12.json?raw'
import v13 from '../../fixtures/schema-v13.json?raw'
import { inStorage, type TestAccount } from './account.ts'

const HOUR_MS = 3600_000

/** One for each schema version before this program's, oldest first: see "A new schema version" in CONTRIBUTING.md. */
export const fixtures: readonly Fixture[] = [v5, v6, v7, v8, v9, v10, v11, v12, v13].map(
  (text) => JSON.parse(text) as Fixture,
)

/** Runs a test on the database of a fixture; `open` migrates it. */
export const inFixture = (
  fixture: Fixture,
  work: (open: () => TestAccount, storage: DurableObjectStorage) => Promise<void>,
  migrations?: readonly Migration[],
): Promise<void> =>
  inStorage(
    (storage, open) => {
      restore(storage, fixture)
      return work(() => open(fixture.now + HOUR_MS), storage)
    },
    { migrations },
  )

/** Everything that is stored. */
export const everythingStored = (storage: DurableObjectStorage): string =>
  JSON.stringify([ddlOf(storage), tablesOf(storage)])

/** More than a day goes by: everything is packed again, and what was superseded is deleted. */
export const packAndCollect = ({ repack, clock }: TestAccount): void => {
  clock.now += 25 * HOUR_MS
  while (repack.step().more);
  clock.now += 2 * HOUR_MS
  while (repack.collect(clock.now - HOUR_MS).more);
}
