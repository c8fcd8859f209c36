fn main() {
    std::process::exit(gantry_native::main());
}
