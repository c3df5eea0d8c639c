# What `-> stream` refers to, as Cap'n Proto itself has it: not every package of its compiler brings the file.
@0x86c366a91393f3f8;

struct StreamResult @0x995f9a3377c0b16e {}
