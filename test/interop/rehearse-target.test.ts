/** `pds rehearse-target` with the real reference PDS: nothing is wrong, and what deserves a look is listed. */
import { expect, it } from 'vitest'
import { pds } from '../cli/support.ts'
import { startPlc } from '../support/plc.ts'
import { startReference } from './support/reference.ts'

/** What the reference does otherwise, and why no account is lost by it. Each must occur. */
const DIFFERENCES: Record<string, string> = {
  'importRepo.otherDid': 'only the tree is taken, and is signed for the account with its next write',
  'importRepo.otherKey': 'the same',
  'repository.signedByServer': 'the imported commit is served as it is until the next write',
  'repository.latestCommit': 'the imported commit has got a revision of the time of the import',
  'blobs.types': '*/* is kept as a type; texts are compressed, and then have no length',
  'events.repository': 'the event names the revision of the import, and the commit has another one',
}

interface Finding {
  id: string
  level: 'pass' | 'warn' | 'fail'
  seen: string
}

it('finds nothing wrong with the reference PDS, and leaves the account deactivated', async () => {
  await using plc = await startPlc()
  await using reference = await startReference({ plcUrl: plc.url })
  const ran = await pds(['rehearse-target', reference.url, '--plc', plc.url, '--yes', '--json'])
  const { did, findings } = ran.json as { did: string; findings: Finding[] }
  const differing = findings.filter(({ level }) => level !== 'pass')
  expect(differing.filter(({ id }) => !DIFFERENCES[id])).toEqual([])
  expect(Object.keys(DIFFERENCES).filter((id) => !differing.some((found) => found.id === id))).toEqual([])
  expect(ran.code).toBe(0)
  const status = await fetch(`${reference.url}/xrpc/com.atproto.sync.getRepoStatus?did=${did}`)
  expect(await status.json()).toMatchObject({ active: false, status: 'deactivated' })
  expect(await (await fetch(`${plc.url}/${did}/data`)).json()).toMatchObject({
    services: {},
    alsoKnownAs: [],
  })
})
