/** What a rehearsal says of servers that do one thing wrong. */
import { describe, expect, it } from 'vitest'
import { rehearseTarget } from '../../../src/mover/rehearseTarget/rehearseTarget.ts'
import { TARGET_CHECKS } from '../../../src/mover/rehearseTarget/targetChecks.ts'
import { json } from '../fakes/network.ts'
import { FAULTS, after, before } from './faults.ts'
import { accountOf, createWorld, NSIDS, rehearse } from './world.ts'

describe('a rehearsal', () => {
  it('finds nothing wrong with a server that does what the reference does', async () => {
    const world = await createWorld()
    const { wrong, doubtful, left, did, findings } = await rehearse(world)
    expect(findings.filter(({ level }) => level === 'fail')).toEqual([])
    expect([wrong, doubtful]).toEqual([
      [],
      [
        'importRepo.otherKey',
        'uploadBlob.a-picture-of-any-type',
        'repository.signedByServer',
        'repository.latestCommit',
        'events.repository',
      ],
    ])
    expect(findings.map(({ id }) => id)).toEqual(TARGET_CHECKS.map(({ id }) => id))
    // Afterwards the account is deactivated, and the DID names nothing.
    expect(accountOf(world).active).toBe(false)
    expect(world.directory.data(did)).toMatchObject({ services: {}, alsoKnownAs: [] })
    expect(left).toEqual([expect.stringContaining('deactivated'), expect.stringContaining(did)])
    expect(JSON.stringify(left)).not.toContain(accountOf(world).password)
  })

  it.each(Object.entries(FAULTS))('sees where a server fails at %s', async (id, fault) => {
    const world = await createWorld()
    fault(world)
    const { findings } = await rehearse(world)
    const finding = findings.find((found) => found.id === id)
    expect(finding, JSON.stringify(findings.filter(({ level }) => level === 'fail'))).toMatchObject({
      level: TARGET_CHECKS.find((check) => check.id === id)?.level === 'must' ? 'fail' : 'warn',
      source: expect.stringMatching(/^https:\/\//),
    })
    expect(finding?.seen).not.toContain('not asked')
  })

  it('is tried against a fault for each expectation, but for uploads, which are alike', () => {
    const tried = new Set(Object.keys(FAULTS))
    const untried = TARGET_CHECKS.map(({ id }) => id).filter(
      (id) => !tried.has(id) && !id.startsWith('uploadBlob.'),
    )
    // The first is found with every server that does what the reference does.
    expect(untried).toEqual(['importRepo.otherKey', 'repository.signedByServer'])
  })

  it('ends where the directory does not answer, and says what is left where it fails at the end', async () => {
    const world = await createWorld()
    world.directory.hooks.push(() => json({ message: 'down' }, 503))
    await expect(rehearse(world)).rejects.toMatchObject({ code: 'directory-unavailable' })
    expect(world.pds.accounts.size).toBe(0)
    const later = await createWorld()
    after(NSIDS.signIn, (answer) => {
      later.directory.hooks.push(() => json({ message: 'down' }, 503))
      return answer
    })(later)
    const { wrong, left } = await rehearse(later)
    expect([wrong, left[1]]).toEqual([[], expect.stringContaining('as it is (')])
    // The sessions that were opened are ended, as far as there is one to end.
    expect([...later.pds.sessions.values()].filter(({ kind }) => kind === 'refresh')).toEqual([])
  })

  it('goes on where a server does not answer, or its lists have no end', async () => {
    const world = await createWorld()
    const { fetch } = world.deps
    world.deps.fetch = (url, init) =>
      url.includes(NSIDS.getBlob)
        ? new Promise((_, reject) => {
            init.signal?.addEventListener('abort', () => reject(init.signal?.reason))
          })
        : fetch(url, init)
    let n = 0
    before(NSIDS.listBlobs, () =>
      json({ cids: ['bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'], cursor: `${++n}` }),
    )(world)
    const { findings } = await rehearseTarget(world.deps, { target: world.pds.origin, timeoutMs: 5000 })
    const seen = (id: string) => findings.find((finding) => finding.id === id)
    expect(seen('blobs')).toMatchObject({ level: 'fail', seen: expect.stringContaining('NetworkError') })
    expect(seen('listBlobs')).toMatchObject({ level: 'fail', seen: expect.stringContaining('no end') })
    expect(seen('deactivateAccount')?.level).toBe('pass')
  })

  it('says of what depends on something that does not work that it was not asked', async () => {
    const world = await createWorld()
    before(NSIDS.import, () => json({ error: 'MethodNotImplemented' }, 501))(world)
    const { findings, wrong } = await rehearse(world)
    expect(wrong).toContain('importRepo')
    expect(findings.find(({ id }) => id === 'repository')?.seen).toBe(
      'not asked, because importRepo does not work',
    )
    expect(world.directory.data(accountOf(world).did)).toMatchObject({ services: {} })
  })
})
