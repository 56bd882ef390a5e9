/** The rules about more than a method: the real Worker keeps all of them. */
import { beforeAll, expect, it } from 'vitest'
import { appPasswords } from '../../../src/contract/areas/appPasswords.ts'
import { firehose } from '../../../src/contract/areas/firehose/firehose.ts'
import { identity } from '../../../src/contract/areas/identity.ts'
import { leaving } from '../../../src/contract/areas/leaving.ts'
import { lifecycle } from '../../../src/contract/areas/lifecycle/lifecycle.ts'
import { oauth } from '../../../src/contract/areas/oauth.ts'
import { sessions } from '../../../src/contract/areas/sessions.ts'
import { signature } from '../../../src/contract/areas/signature/signature.ts'
import { codeOf } from '../deployed.ts'
import { brokenOf, createWorld, OWNER, unclearOf, type World } from '../repository/world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})

it.for([identity, sessions, leaving, signature, appPasswords, lifecycle, firehose, oauth])(
  'a real Worker keeps every rule about: $name',
  async (area) => {
    const report = await world.run([area], undefined, {
      ...OWNER,
      only: () => true,
      mailedCode: () => codeOf(world.deployed),
    })
    expect(report.findings.length).toBeGreaterThan(3)
    expect(brokenOf(report)).toEqual([])
    // workerd cannot pause a socket.
    const slow = ['firehose.slow-reader']
    expect(unclearOf(report).filter(({ rule }) => !slow.includes(rule.id))).toEqual([])
    expect(report.left).toEqual([])
  },
)
