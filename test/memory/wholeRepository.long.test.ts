import { expect, it } from 'vitest'
import { describeLimited } from './support/describeLimited.ts'
import { startLimited } from './support/wholeRepository.ts'

describeLimited(100_000, 64)

it('a heap of 8 MB is too small to start', async () => {
  await expect(startLimited(8)).rejects.toThrow()
})
