"""Green Button (NAESB ESPI) files: scan (XML to rows), links and plan (rows to meters), codes and local_time (words of the standard).

What becomes what:

- A meter is a usage point and a direction: `OWNER:POINT` for energy delivered (and where the direction is not told),
  `…#reverse` for energy received, `…#net` and `…#total` where the file has nothing finer; with `--flow net` one signed meter,
  delivered less received. OWNER and POINT are those of the link (`RetailCustomer/9b6c/UsagePoint/01` is `9b6c:01`); without
  links the entry's id, else the file's name. Single phases and tariff registers are meters of their own (`…#phase_a`, `…#tou2`).
- Of several meter readings of one meter the one with the shortest intervals counts; readings of the others that touch its time
  span are quarantined as the same energy, those outside of it (a year of days before a month of quarter hours) are kept;
  of a register beside them, none.
- Wh and J are energy, W is mean power and multiplied by the interval. Everything else that is electricity (varh, A, V, maxima) is
  quarantined by name; other commodities are left out, with a warning that counts them by name. Where a number of the reading
  type that decides about this is told and cannot be read (a multiplier of `3.0`), its readings are quarantined, never guessed.
- `accumulationBehaviour`: a register (bulk quantity, cumulative, latching, bounded, indicating) is differenced, unless a
  `timeAttribute` names the period that each value is of. It is read at the end of its `duration`, else at its `start`. The
  first register reading and a falling one give a missing reading; energy over a gap is one long reading. Delta data,
  summations and what is not told are energy of their interval.
- An interval lasts as long as its `duration`. Where no reading of a meter reading has one, `intervalLength` holds, else the
  step between readings; an `intervalLength` of days follows the clock on the wall. A single reading of no length, as some
  senders make in the hour that comes twice, is added to the reading that starts with it, which becomes suspect (`zero_length`).
"""
