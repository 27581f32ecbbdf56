/** What was built of a connection before it is this generation's: its application has not seen it. */
export interface Prepared {
  /** It will never be: what was built goes. */
  forget(): void;
}
