import type { Area } from '../../types.ts'
import { checkExport, checkSince } from './exportChecks.ts'
import { checkListings } from './listingChecks.ts'
import { checkProofsAndBlocks } from './proofChecks.ts'
import { checkRecords } from './recordChecks.ts'
import { repositoryRules } from './rules.ts'

const RULES = Object.values(repositoryRules)

const GET_REPO = 'com.atproto.sync.getRepo'

/** The repository of an account: its export, and what other methods say about it. */
export const repository: Area = {
  name: 'repository',
  rules: RULES,
  requests: () => 60,
  async check(run) {
    if (!run.serves(GET_REPO)) return run.absent('the export of a repository', GET_REPO)
    if (!run.found.has.has('did')) {
      for (const rule of RULES)
        run.unclear(rule, { subject: 'repository', case: 'any account' }, 'no account of the server is known')
      return
    }
    const found = await checkExport(run)
    if (!found) return
    await checkSince(run, found)
    await checkListings(run, found)
    await checkRecords(run, found)
    await checkProofsAndBlocks(run, found)
  },
}
