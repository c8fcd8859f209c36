/** What a container is called if nobody names it: one of these and one of those. */
export const adjectives: readonly string[] = (
  'agile amber ample apt astute balmy bold brave breezy bright brisk calm candid careful cheerful civil clear clever cosmic cosy crisp curious dapper daring deft ' +
  'eager earnest easy elegant fair fearless fine fleet fluent frank fresh gallant gentle giddy glad golden graceful grand handy hardy hasty hearty helpful honest ' +
  'humble jaunty jolly joyful keen kind lively loyal lucid lucky mellow merry mighty mild modest neat nifty nimble noble patient placid plucky polite proud quick ' +
  'quiet ready robust rustic sage serene sharp shiny silent sincere sleek smart smooth snappy sober solid spry stable steady stellar sturdy subtle sunny swift tidy ' +
  'tranquil trusty upbeat valiant vivid warm wise witty zesty'
).split(' ');

/** People who built, computed, discovered or proved something. */
export const surnames: readonly string[] = (
  'abel agnesi allen ampere anning archimedes arkwright babbage banneker bardeen bartik bell bernoulli bessemer bhabha blackwell bohr boole borg bose brahe braille ' +
  'brunel cantor carson carver cauchy cavendish celsius clarke codd cori coulomb cray crick curie daimler darwin dijkstra diesel dirac doppler drew eckert edison ' +
  'eiffel elion engelbart erdos euclid euler faraday fermat fermi feynman floyd fourier franklin galileo galois gauss germain goedel goeppert gould granville gray ' +
  'gutenberg hadamard halley hamilton hamming hawking hertz herschel hilbert hodgkin hollerith holberton hooke hopper hoyle hubble hypatia jacquard jemison johnson ' +
  'joliot joule kapitsa karp kepler kilby knuth kovalevskaya lagrange lamarr landau laplace leavitt leibniz liskov lister lovelace lumiere marconi maxwell mayer ' +
  'mccarthy mcclintock meitner mendel mendeleev mercator minsky mirzakhani moore morse napier nash neumann newton nobel noether noyce ohm oppenheimer ostrom otto ' +
  'pascal pasteur pauli payne pasternak perlman planck poincare ptolemy raman ramanujan rankine ride ritchie roentgen rubin rutherford sagan salk shannon shockley ' +
  'siemens stallman stephenson stevens stokes sutherland swan swirles tesla thompson torvalds turing varahamihira volta watt wiles wilkes wilson wirth wright wu yalow zuse'
).split(' ');
