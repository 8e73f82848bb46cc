// The name of a submission in plans, rounds and reports.

/** Key of a submission: `hotkey:commitBlock`. */
export function submissionKey(hotkey: string, commitBlock: number): string {
  return `${hotkey}:${commitBlock}`;
}
