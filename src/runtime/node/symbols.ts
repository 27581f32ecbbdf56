/** What Node keeps under symbols of its own, found by their descriptions. */

export const symbolOf = (object: object, description: string): symbol | undefined =>
  Object.getOwnPropertySymbols(object).find((symbol) => symbol.description === description);

export function hiddenIn<T>(object: object, description: string): T | undefined {
  const symbol = symbolOf(object, description);
  return symbol && (object as Record<symbol, T>)[symbol];
}

/** By which Node finds a handle's server. */
export function copySymbols(from: object, to: object): void {
  for (const symbol of Object.getOwnPropertySymbols(from)) {
    (to as Record<symbol, unknown>)[symbol] = (from as Record<symbol, unknown>)[symbol];
  }
}

/** For instance what `promisify` finds. */
export const symbolsOf = (of: object): PropertyDescriptorMap =>
  Object.fromEntries(
    Object.getOwnPropertySymbols(of).map((symbol) => [
      symbol,
      Object.getOwnPropertyDescriptor(of, symbol)!,
    ]),
  );
