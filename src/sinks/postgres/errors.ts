/** The database is there, and does not let Rollcall do what it has to: somebody must change something. */
export class DestinationRefused extends Error {
  override readonly name = 'DestinationRefused';
  constructor(place: string, what: string, nextStep: string, options?: ErrorOptions) {
    super(`the destination ${place} cannot be used: ${what}. ${nextStep}`, options);
  }
}
