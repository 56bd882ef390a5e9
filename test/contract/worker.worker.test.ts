import { expect, it } from 'vitest'
import { METHOD_AREAS } from '../../src/contract/areas/methods/methodAreas.ts'
import { createWorld } from './repository/world.ts'
import { CREDENTIALS } from './deployed.ts'

it('x', async () => {
  const world = await createWorld()
  for (const options of [
    { house: true, only: () => true },
    {
      house: true,
      only: () => true,
      write: true,
      accountHasRecords: true,
      credentials: CREDENTIALS,
      adminPassword: CREDENTIALS.admin,
    },
  ]) {
    const report = await world.run(METHOD_AREAS, undefined, options)
    const lines = report.findings
      .filter((f) => f.outcome === 'broken')
      .map((f) => `${f.rule.level} ${f.rule.id} | ${f.subject} | ${f.case} | ${f.got}`)
    console.log(lines.slice(0, 60).join('\n'))
    const un: Record<string, string[]> = {}
    for (const f of report.findings.filter((f) => f.outcome === 'unclear'))
      (un[`${f.rule.id}: ${f.reason}`] ??= []).push(`${f.subject.split('.').at(-1)}(${f.case})`)
    for (const [k, v] of Object.entries(un)) console.log('unclear', k, v.length, v.slice(0, 6).join(' '))
    console.log(
      lines.length,
      report.findings.length,
      report.requests,
      report.absent,
      report.incomplete,
      report.left,
    )
  }
})
