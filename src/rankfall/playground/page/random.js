// Seeded random numbers: the same seed gives the same matrix, entries and start on every machine.

export class Random {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  // Uniform on [0, 1): mulberry32.
  uniform() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let x = this.state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  }

  // Standard normal, by Box and Muller.
  normal() {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  normals(count) {
    return Float64Array.from({ length: count }, () => this.normal());
  }

  // The numbers 0 … count − 1 in random order.
  permutation(count) {
    const order = Array.from({ length: count }, (_, k) => k);
    for (let k = count - 1; k > 0; k--) {
      const other = Math.floor(this.uniform() * (k + 1));
      [order[k], order[other]] = [order[other], order[k]];
    }
    return order;
  }
}
