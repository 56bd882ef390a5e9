import type { Handler } from '../context.ts'
import { pullAnswer } from './pullAnswer.ts'

export const getPull: Handler<'com.cirrus.admin.getPull'> = ({ account }) => {
  const { latest } = account.pulls
  return latest ? { pull: pullAnswer(latest) } : {}
}
